// For tests of the program as a whole, from its command line to its exit code.
#pragma once

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "kvm_test.hpp"
#include "tests/program/expectations.hpp"

namespace nestbed::test {

class WithKvm : public vmm::test::KvmTest {
  public:
    void SetUp() override {
        vmm::test::KvmTest::SetUp();
        if (IsSkipped()) {
            return;
        }
        std::string pattern = testing::TempDir() + "nestbed-cli-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
    }
    void TearDown() override {
        if (!folder_.empty()) {
            std::filesystem::remove_all(folder_);
        }
    }

    std::string path(const char* name) const { return folder_ / name; }
    bool folder_is_empty() const { return std::filesystem::is_empty(folder_); }

    static std::string contents(const std::string& file) {
        std::ostringstream text;
        text << std::ifstream(file).rdbuf();
        return text.str();
    }

  private:
    std::filesystem::path folder_;
};

}  // namespace nestbed::test
