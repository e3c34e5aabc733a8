// What VMs take of the host's memory has a limit, and whoever is above it fails alone.
#include <gmock/gmock.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>

#include "cli_test.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class MemoryLimit : public WithKvm {
  protected:
    struct Run {
        ProcessResult program;
        json tests;
    };
    /// Of two tests of the suite boot.
    Run run(const std::vector<std::string>& options, const std::function<void()>& prepare = {}) {
        std::vector<std::string> arguments{"run",     "boot",     "--filter",
                                           "boot.e*", "--output", path("run.json")};
        arguments.insert(arguments.end(), options.begin(), options.end());
        Run run{nestbed(arguments, prepare), {}};
        run.tests = json::parse(contents(path("run.json")))["tests"];
        return run;
    }
};

TEST_F(MemoryLimit, WhatIsAboveItFailsAndIsNotTried) {
    const Run above = run({"--memory", "256M", "--memory-limit", "255M"});
    EXPECT_EQ(above.program.exit_code, test_failed) << above.program.err;
    ASSERT_EQ(above.tests.size(), 2U);
    for (const json& test : above.tests) {
        EXPECT_EQ(test["verdict"], "failed");
        EXPECT_THAT(test["reason"].get<std::string>(),
                    HasSubstr("it needs 256 MiB of memory, and all VMs together may have 255 MiB"));
        EXPECT_TRUE(test["error"].is_null());
    }
    EXPECT_EQ(run({"--memory", "256M", "--memory-limit", "256M"}).program.exit_code, success);
}

TEST_F(MemoryLimit, IsNoNumberOfVmsSideBySide) {
    // Each has room by itself.
    EXPECT_EQ(run({"--memory", "256M", "--memory-limit", "300M", "--jobs", "2", "--repeat", "3"})
                  .program.exit_code,
              success);
}

/// A memory control group with a limit, if this process may make one.
class MemoryGroup {
  public:
    explicit MemoryGroup(std::uint64_t bytes) {
        const std::string name = "nestbed-test-" + std::to_string(::getpid());
        for (const auto& [top, limit] :
             {std::pair{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"},
              {"/sys/fs/cgroup", "memory.max"}}) {
            const std::filesystem::path folder = std::filesystem::path(top) / name;
            std::error_code error;
            if (!std::filesystem::create_directory(folder, error)) {
                continue;
            }
            folder_ = folder;
            if (std::filesystem::exists(folder / limit) && write(limit, std::to_string(bytes))) {
                return;
            }
            std::filesystem::remove(folder, error);
            folder_.reset();
        }
    }
    ~MemoryGroup() {
        if (folder_) {
            std::error_code error;
            std::filesystem::remove(*folder_, error);
        }
    }
    MemoryGroup(const MemoryGroup&) = delete;
    MemoryGroup& operator=(const MemoryGroup&) = delete;

    bool is_there() const { return folder_.has_value(); }
    /// The calling process is in it from now on.
    void enter() const { write("cgroup.procs", std::to_string(::getpid())); }

  private:
    bool write(const char* file, const std::string& text) const {
        std::ofstream stream(*folder_ / file);
        return (stream << text).flush().good();
    }

    std::optional<std::filesystem::path> folder_;
};

class InAMemoryGroup : public MemoryLimit {
  protected:
    void SetUp() override {
        MemoryLimit::SetUp();
        if (!IsSkipped() && !group_.is_there()) {
            GTEST_SKIP() << "NOT TESTED: no memory control group can be made here (root may)";
        }
    }
    Run run_in_group(const std::vector<std::string>& options) {
        return run(options, [&] { group_.enter(); });
    }

  private:
    MemoryGroup group_{400U << 20};
};

TEST_F(InAMemoryGroup, TheLimitIsTheGroups) {
    const Run above = run_in_group({"--memory", "1G"});
    EXPECT_EQ(above.program.exit_code, test_failed) << above.program.err;
    EXPECT_THAT(above.tests[0]["reason"].get<std::string>(), HasSubstr("(--memory-limit)"));
    EXPECT_EQ(run_in_group({}).program.exit_code, success);
}

TEST_F(InAMemoryGroup, WhoeverTakesMoreIsKilledAndNotTheProgram) {
    const Run killed = run_in_group({"--memory", "1G", "--prefault", "--memory-limit", "10G"});
    EXPECT_EQ(killed.program.signal, 0);
    EXPECT_EQ(killed.program.exit_code, test_failed) << killed.program.err;
    ASSERT_EQ(killed.tests.size(), 2U);
    for (const json& test : killed.tests) {
        EXPECT_EQ(test["verdict"], "failed");
        EXPECT_THAT(test["reason"].get<std::string>(), HasSubstr("memory runs out"));
    }
}

}  // namespace
}  // namespace nestbed::test
