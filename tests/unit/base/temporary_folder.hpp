// A folder that goes with its object, and files in it.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>

namespace nestbed::vmm::test {

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = testing::TempDir() + "nestbed-test-XXXXXX";
        path_ = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;

    const std::filesystem::path& path() const { return path_; }

    /// Makes the folders on the way to it as well.
    std::filesystem::path write(const std::filesystem::path& name,
                                std::string_view contents) const {
        const std::filesystem::path file = path_ / name;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file, std::ios::binary) << contents;
        return file;
    }

    /// A shell script that can be run as a program.
    void write_script(const std::filesystem::path& name, const std::string& lines) const {
        std::filesystem::permissions(write(name, "#!/bin/sh\n" + lines + "\n"),
                                     std::filesystem::perms::owner_all);
    }

    /// Empty if there is no such file.
    std::string read(const std::filesystem::path& name) const {
        std::ostringstream text;
        text << std::ifstream(path_ / name, std::ios::binary).rdbuf();
        return std::move(text).str();
    }

  private:
    std::filesystem::path path_;
};

}  // namespace nestbed::vmm::test
