// What becomes of the files of --output, whatever becomes of the run.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "cli_test.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Reports : public WithKvm {};

TEST_F(Reports, TheOutputFileIsBesideTheHumanReport) {
    const ProcessResult result = nestbed({"run", "boot", "--filter", "boot.empty", "--format",
                                          "junit", "--output", path("out.xml")});
    EXPECT_EQ(result.exit_code, success);
    EXPECT_THAT(result.out, StartsWith("PASS  boot.empty"));
    EXPECT_THAT(contents(path("out.xml")), StartsWith("<?xml"));
    EXPECT_THAT(contents(path("out.xml")), EndsWith("</testsuites>\n"));
}

TEST_F(Reports, AnUnwritableOutputIsFoundBeforeTheRun) {
    expect_one_line_error(nestbed({"run", "boot", "--output", "/nonexistent/out.json"}),
                          host_failed);
    expect_one_line_error(nestbed({"run", "boot", "--output", path(".")}), host_failed);
    expect_one_line_error(
        nestbed({"measure", "shootdown", "--format", "json", "--output", "/proc/out.json"}),
        host_failed);
    EXPECT_TRUE(folder_is_empty());
}

TEST_F(Reports, WhatTheHostLacksIsInTheReport) {
    const ProcessResult result =
        nestbed({"run", "boot", "--filter", "boot.empty", "--backing", "hugetlb-2m", "--memory",
                 "1G", "--output", path("out.xml")});
    if (result.exit_code == success) {
        GTEST_SKIP() << "this host has 1 GiB of huge pages to spare";
    }
    EXPECT_EQ(result.exit_code, host_lacks);
    EXPECT_THAT(result.err, HasSubstr("nr_hugepages"));
    EXPECT_THAT(contents(path("out.xml")), HasSubstr("type=\"host_lacks\""));
}

/// As many descriptors as a VM takes up, or fewer.
void limit(__rlimit_resource_t resource, rlim_t most) {
    const rlimit both{most, most};
    if (::setrlimit(resource, &both) != 0) {
        ::_exit(126);
    }
}

void have_few_descriptors() { limit(RLIMIT_NOFILE, 8); }

TEST_F(Reports, AVmThatCannotBeMadeIsAResultOfItsOwn) {
    for (const char* name : {"out.xml", "out.json", "out.tap"}) {
        std::ofstream(path(name)) << "old";
    }
    const ProcessResult result =
        nestbed({"run", "boot", "ipi", "--jobs", "1", "--output", path("out.xml"), "--output",
                 path("out.json"), "--output", path("out.tap")},
                have_few_descriptors);
    EXPECT_EQ(result.exit_code, host_failed) << "a system call failed: " << result.out;
    EXPECT_THAT(result.err, HasSubstr("Too many open files"));
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
    const json report = json::parse(contents(path("out.json")));
    EXPECT_EQ(report["not_finished"], 0) << "the run goes on";
    const auto with_error = std::ranges::count_if(
        report["tests"], [](const json& test) { return test["error"] != nullptr; });
    EXPECT_GE(with_error, 1);
    EXPECT_EQ(report["summary"]["failed"], with_error);
    std::ptrdiff_t errors = 0;
    const std::string xml = contents(path("out.xml"));
    for (std::size_t at = 0; (at = xml.find("<error ", at)) != std::string::npos; ++at) {
        ++errors;
    }
    EXPECT_EQ(errors, with_error);
    EXPECT_THAT(xml, Not(HasSubstr("<failure ")));
    EXPECT_THAT(contents(path("out.xml")), HasSubstr("type=\"kernel_refused\">"));
    EXPECT_THAT(contents(path("out.tap")), HasSubstr("  error: kernel_refused\n"));
}

TEST_F(Reports, AMeasurementWhoseVmCannotBeMadeHasItsReports) {
    for (const char* name : {"out.xml", "out.json"}) {
        std::ofstream(path(name)) << "old";
    }
    const ProcessResult result =
        nestbed({"measure", "hypercall", "--kind", "port,cpuid", "--output", path("out.xml"),
                 "--output", path("out.json")},
                have_few_descriptors);
    EXPECT_EQ(result.exit_code, host_failed) << "a system call failed: " << result.out;
    EXPECT_THAT(result.err, HasSubstr("Too many open files"));
    const json report = json::parse(contents(path("out.json")));
    EXPECT_EQ(report["not_finished"], 0) << "each is tried";
    for (const json& test : report["tests"]) {
        EXPECT_EQ(test["error"]["kind"], "kernel_refused") << test;
    }
    EXPECT_THAT(contents(path("out.xml")), HasSubstr("errors=\"2\""));
    EXPECT_THAT(contents(path("out.xml")), HasSubstr("Too many open files"));
}

TEST_F(Reports, ARunThatFailsLeavesNoOldResult) {
    const std::vector<std::vector<std::string>> failing{
        {"run", "nothing"},
        {"run", "boot", "--filter", "nothing"},
        {"run", "boot", "--filter", "boot.empty", "--set", "sampels=3"},
        {"run", "boot", "--output", "/nonexistent/out.xml"},
        {"measure", "shootdown", "--cpus", "64", "--backing", "hugetlb-1g", "--samples", "1"},
    };
    for (std::vector<std::string> arguments : failing) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        std::ofstream(path("out.json")) << "old";
        arguments.insert(arguments.end(), {"--output", path("out.json")});
        EXPECT_NE(nestbed(arguments).exit_code, success);
        EXPECT_NE(contents(path("out.json")), "old");
    }
}

TEST_F(Reports, AFileThatCannotBeWrittenTakesNoOtherAlong) {
    const ProcessResult result = nestbed({"run", "boot", "--filter", "boot.empty", "--output",
                                          "/dev/full", "--output", path("out.xml")});
    EXPECT_EQ(result.exit_code, host_failed);
    EXPECT_THAT(result.err, HasSubstr("/dev/full"));
    EXPECT_THAT(contents(path("out.xml")), EndsWith("</testsuites>\n"));
}

TEST_F(Reports, ALimitOfFileSizeIsAnErrorThatLeavesNothingBehind) {
    std::ofstream(path("out.xml")) << "old";
    const ProcessResult result =
        nestbed({"run", "boot", "--filter", "boot.empty", "--output", path("out.xml")},
                // Enough for what is caught of its output, and less than any report.
                [] { limit(RLIMIT_FSIZE, 300); });
    EXPECT_EQ(result.exit_code, host_failed);
    EXPECT_THAT(result.err, HasSubstr("File too large"));
    EXPECT_TRUE(folder_is_empty());
}

TEST_F(Reports, OneFileByTwoNamesIsNamedTwice) {
    const ProcessResult result =
        nestbed({"run", "boot", "--output", path("out.xml"), "--output", path("./out.xml")});
    expect_one_line_error(result, bad_input);
    EXPECT_THAT(result.err, HasSubstr("named twice"));
}

TEST_F(Reports, ADoctorThatIsRefusedDescriptorsDoesNotBlameTheHost) {
    const ProcessResult result = nestbed({"doctor"}, [] { limit(RLIMIT_NOFILE, 5); });
    EXPECT_EQ(result.exit_code, host_failed);
    EXPECT_THAT(result.err, HasSubstr("Too many open files"));
}

TEST_F(Reports, AClosedStandardOutputIsNotTheNextFile) {
    const ProcessResult result =
        nestbed({"run", "boot", "--filter", "boot.empty", "--output", path("out.json")},
                [] { ::close(STDOUT_FILENO); });
    EXPECT_EQ(result.exit_code, host_failed);
    EXPECT_THAT(result.err, HasSubstr("standard output: Bad file descriptor"));
    EXPECT_EQ(json::parse(contents(path("out.json")))["summary"]["passed"], 1);
}

TEST_F(Reports, AFullStandardOutputTakesNoFileAlong) {
    const ProcessResult result =
        nestbed({"run", "boot", "--filter", "boot.empty", "--output", path("out.xml")},
                [] { ::dup2(::open("/dev/full", O_WRONLY), STDOUT_FILENO); });
    EXPECT_EQ(result.exit_code, host_failed);
    EXPECT_THAT(contents(path("out.xml")), HasSubstr("<testcase classname=\"boot\""));
    EXPECT_THAT(contents(path("out.xml")), HasSubstr("standard output"));
}

TEST_F(Reports, AClosedPipeLeavesTheReports) {
    std::ofstream(path("out.json")) << "old";
    const ProcessResult result =
        nestbed({"run", "boot", "--filter", "boot.empty", "--output", path("out.json")}, [] {
            int ends[2];
            if (::pipe(ends) == 0) {
                ::close(ends[0]);
                ::dup2(ends[1], STDOUT_FILENO);
                ::close(ends[1]);
            }
        });
    EXPECT_EQ(result.exit_code, host_failed);
    EXPECT_EQ(json::parse(contents(path("out.json")))["summary"]["passed"], 1);
}

}  // namespace
}  // namespace nestbed::test
