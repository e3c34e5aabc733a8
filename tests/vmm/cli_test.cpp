// The program as a whole, from its command line to its exit code.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli_test.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

const std::string boot_elf = NESTBED_GUESTS "/boot.elf";

// What needs no KVM.

TEST(CommandLine, VersionAndHelp) {
    EXPECT_THAT(nestbed({"--version"}).out, StartsWith("nestbed "));
    for (const std::vector<std::string>& command :
         std::vector<std::vector<std::string>>{{},
                                               {"doctor"},
                                               {"list"},
                                               {"run"},
                                               {"measure"},
                                               {"measure", "shootdown"},
                                               {"nested"},
                                               {"matrix"}}) {
        std::vector<std::string> arguments = command;
        arguments.emplace_back("--help");
        const ProcessResult result = nestbed(arguments);
        EXPECT_EQ(result.exit_code, success);
        EXPECT_THAT(result.out, HasSubstr("Usage:"));
        EXPECT_THAT(result.out, HasSubstr("Exit codes:"));
    }
}

TEST(CommandLine, WrongUsageIsOneLineWithAHint) {
    const std::vector<std::vector<std::string>> wrong{
        {},
        {"walk"},
        {"run", "--no-such-option"},
        {"run", "--cpus"},
        {"doctor", "extra"},
        {"measure"},
        {"measure", "everything"},
        {"measure", "shootdown", "--nothing"},
    };
    for (const auto& arguments : wrong) {
        const ProcessResult result = nestbed(arguments);
        expect_one_line_error(result, bad_input);
        EXPECT_THAT(result.err, HasSubstr("--help)"));
    }
}

TEST(CommandLine, AResultIsReadFromItsFile) {
    const fs::path path = fs::path(testing::TempDir()) / "nestbed-result-file.json";
    std::ofstream(path) << R"({"schema": 2, "not_finished": 0, "measurements": [],
                               "host": {"cpu": "A CPU", "kernel": "6.1", "paging": "npt"},
                               "tests": [{"suite": "boot", "name": "empty",
                                          "verdict": "passed", "reason": ""}]})";
    const ProcessResult result = nestbed({"matrix", path});
    fs::remove(path);
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_THAT(result.out, HasSubstr("  nestbed-result-file  npt on A CPU, Linux 6.1\n"));
}

TEST(CommandLine, WhatIsNoResultIsNamed) {
    for (const auto& [path, error] :
         {std::pair{"/no/such/report.json",
                    "cannot read /no/such/report.json: No such file or directory\n"},
          {"/", "cannot read /: Is a directory\n"},
          {"/dev/null", "cannot read /dev/null: it is a device, and no file\n"}}) {
        const ProcessResult result = nestbed({"matrix", path});
        expect_one_line_error(result, bad_input);
        EXPECT_THAT(result.err, HasSubstr(error));
    }
}

TEST(CommandLine, AbsurdValuesAreOneLine) {
    const std::vector<std::vector<std::string>> wrong{
        {"run", "--cpus", "0"},
        {"run", "--cpus", "65"},
        {"run", "--cpus", "-1"},
        {"run", "--cpus", "many"},
        {"run", "--memory", "1M"},
        {"run", "--memory", "999999G"},
        {"run", "--memory", "99999999999999999999"},
        {"run", "--memory", "64 M"},
        {"run", "--backing", "floppy"},
        {"run", "--backing", "hugetlb"},
        {"run", "--timeout", "0"},
        {"run", "--timeout", "-5"},
        {"run", "--timeout", "1e99"},
        {"run", "--jobs", "0"},
        {"run", "--repeat", "0"},
        {"run", "--shuffle", "x"},
        {"run", "--format", "pdf"},
        {"run", "--set", "x"},
        {"run", "--set", "x=1", "--set", "x=2"},
        {"run", "--jobs", "2", "--pin"},
        {"run", "--format", "junit", "--output", "/tmp/x.json"},
        {"run", "--format", "tap", "--output", "/tmp/x", "--output", "/tmp/y"},
        {"run", "--output", "/tmp/x", "--output", "/tmp/x"},
        {"run", "--format", "junit", "--verbose"},
        {"run", "--filter", ""},
        {"list", "--filter", ""},
        {"nested", "--paging", "npt", "--kernel", "/x", "--modules", "/x", "--cache", "/x", "--",
         "list"},
        {"run", "nothing"},
        {"run", "/nonexistent.elf"},
        {"run", "/"},
        {"run", "/dev/null"},
        {"run", "boot", "boot"},
        {"run", "--filter", "nothing"},
        {"list", "nothing"},
        {"list", "--filter", "nothing"},
        {"measure", "shootdown", "--protocol", "magic"},
        {"measure", "shootdown", "--protocol", ""},
        {"measure", "shootdown", "--protocol", "mailbox,"},
        {"measure", "shootdown", "--protocol", "Global"},
        {"measure", "shootdown", "--cpus", "1"},
        {"measure", "shootdown", "--pages", "0"},
        {"measure", "shootdown", "--pages", "513"},
        {"measure", "shootdown", "--target", "asleep"},
        {"measure", "shootdown", "--routing", "unicast,post"},
        {"measure", "shootdown", "--flush", "wbinvd"},
        {"measure", "shootdown", "--initiators", "0"},
        {"measure", "shootdown", "--initiators", "1,9"},
        {"measure", "shootdown", "--spaces", ""},
        {"measure", "shootdown", "--backing", "4k"},
        {"measure", "shootdown", "--threshold", "513"},
        {"measure", "shootdown", "--samples", "0"},
        {"measure", "shootdown", "--soak", "0"},
        {"measure", "shootdown", "--soak", "1.5"},
        {"measure", "shootdown", "--soak", "1", "--seed", "x"},
        {"measure", "shootdown", "--soak", "1", "--crossover"},
        {"measure", "shootdown", "--format", "pdf"},
        {"measure", "shootdown", "--pin=false"},
        {"measure", "shootdown", "--crossover=false"},
        {"measure", "shootdown", "--pages", "1-512", "--protocol", "all", "--cpus", "2-64",
         "--target", "all", "--routing", "all", "--flush", "all", "--initiators", "1-8"},
        {"measure", "shootdown", "--output", ""},
        {"measure", "walk", "--pattern", "strided", "--seed", "4"},
        {"run", "--prefault=false"},
        {"measure", "shootdown", "--format", "tap", "--output", "/tmp/x.json"},
    };
    for (const auto& arguments : wrong) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        expect_one_line_error(nestbed(arguments), bad_input);
    }
}

TEST(CommandLine, ListNeedsNoKvm) {
    const ProcessResult all = nestbed({"list", "--all"});
    EXPECT_EQ(all.exit_code, success);
    EXPECT_THAT(all.out, HasSubstr("boot.empty"));
    EXPECT_THAT(all.out, HasSubstr("crash.triple_fault"));
    EXPECT_THAT(nestbed({"list", boot_elf}).out, HasSubstr("boot.empty"));
    const ProcessResult one = nestbed({"list", "--filter", "boot.empty"});
    EXPECT_EQ(std::ranges::count(one.out, '\n'), 1);
}

TEST(CommandLine, AFullStandardOutputIsAnError) {
    const ProcessResult result =
        nestbed({"list"}, [] { ::dup2(::open("/dev/full", O_WRONLY), STDOUT_FILENO); });
    EXPECT_EQ(result.exit_code, host_failed);
    EXPECT_THAT(result.err, HasSubstr("standard output"));
}

// What needs KVM.

TEST_F(WithKvm, ATestThatPassesIsASuccess) {
    const ProcessResult result = nestbed({"run", "boot", "--filter", "boot.empty"});
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_THAT(result.out, StartsWith("PASS  boot.empty"));
    EXPECT_THAT(result.out, HasSubstr("1 test in"));
    EXPECT_THAT(result.err, IsEmpty()) << "no progress line: it is no terminal";
}

TEST_F(WithKvm, AGuestOfOnesOwn) {
    const ProcessResult result = nestbed({"run", boot_elf, "--filter", "boot.empty", "--cpus", "3",
                                          "--memory", "32M", "--timeout", "9.5", "--pin"});
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_THAT(result.out, HasSubstr("3 vCPUs"));
}

TEST_F(WithKvm, AFailedTestIsExitCode1) {
    const ProcessResult result = nestbed({"run", "crash", "--filter", "crash.failed_expectation"});
    EXPECT_EQ(result.exit_code, test_failed);
    EXPECT_THAT(result.out, StartsWith("FAIL  crash.failed_expectation"));
    EXPECT_THAT(result.out, HasSubstr("guest/suites/crash.cpp:"));
    EXPECT_THAT(result.out, HasSubstr("41 == 42"));
}

TEST_F(WithKvm, ADeadGuestIsExitCode1) {
    const ProcessResult result =
        nestbed({"run", "crash", "--filter", "crash.triple_fault:crash.page_fault"});
    EXPECT_EQ(result.exit_code, test_failed);
    EXPECT_THAT(result.out, HasSubstr("2 failed"));
}

TEST_F(WithKvm, MoreCpusThanTheHostHas) {
    const ProcessResult result =
        nestbed({"run", "boot", "--filter", "boot.every_cpu_has_its_own_state", "--cpus", "64"});
    EXPECT_EQ(result.exit_code, success) << result.out;
    EXPECT_THAT(result.out, HasSubstr("64 vCPUs"));
}

TEST_F(WithKvm, TestsSideBySideAreReportedInOrder) {
    const std::vector<std::string> arguments{"run", "boot", "user", "--format", "tap"};
    std::vector<std::string> parallel = arguments;
    parallel.insert(parallel.end(), {"--jobs", "6"});
    std::vector<std::string> serial = arguments;
    serial.insert(serial.end(), {"--jobs", "1"});
    EXPECT_EQ(nestbed(parallel).out, nestbed(serial).out);
}

TEST_F(WithKvm, RepeatAndShuffle) {
    const ProcessResult result = nestbed({"run", "boot", "--filter", "boot.empty:boot.memory*",
                                          "--repeat", "2", "--shuffle", "7", "--format", "tap"});
    EXPECT_EQ(result.exit_code, success);
    EXPECT_THAT(result.out, HasSubstr("1..4"));
    EXPECT_THAT(result.out, HasSubstr("boot.empty \\#2"));
}

TEST_F(WithKvm, JsonIsWhatTheSchemaSays) {
    const ProcessResult result =
        nestbed({"run", "boot", "--filter", "boot.empty", "--format", "json"});
    EXPECT_EQ(result.exit_code, success);
    const json report = json::parse(result.out);
    // And tests/results/validate.py finds it, if CTest is to have it look.
    if (const char* kept = std::getenv("NESTBED_REPORTS")) {
        const auto is_it = [&](const auto& file) { return contents(file.path()) == result.out; };
        EXPECT_TRUE(std::ranges::any_of(std::filesystem::directory_iterator(kept), is_it));
    }
    EXPECT_EQ(report["schema"], 2);
    EXPECT_EQ(report["command"][1], "run");
    EXPECT_TRUE(report["provenance"]["nestbed"].contains("revision"));
    EXPECT_GE(report["provenance"]["time"], "2026");
    EXPECT_FALSE(report["provenance"]["host_name"].is_null());
    EXPECT_TRUE(report["provenance"]["sweep"].is_null());
    const json nameless = json::parse(
        nestbed({"run", "boot", "--filter", "boot.empty", "--format", "json", "--anonymous"}).out);
    EXPECT_TRUE(nameless["provenance"]["host_name"].is_null());
    EXPECT_TRUE(nameless["provenance"]["kernel_command_line"].is_null());
    EXPECT_EQ(report["tests"][0]["name"], "empty");
    EXPECT_EQ(report["summary"]["passed"], 1);
    EXPECT_FALSE(report["host"]["kernel"].get<std::string>().empty());
    EXPECT_TRUE(report["host"]["calibration"]["problems"].empty()) << report["host"]["calibration"];
    EXPECT_GT(report["host"]["calibration"]["kernel_cycles_per_instruction"], 0.0);
}

TEST_F(WithKvm, AParameterThatNoTestLooksUpIsAnError) {
    const ProcessResult result =
        nestbed({"run", "measure_walk", "--set", "sampels=3", "--output", path("out.json")});
    EXPECT_EQ(result.exit_code, bad_input) << result.out;
    EXPECT_THAT(result.err, HasSubstr("the parameter sampels; looked up: accesses, pages"));
    const json report = json::parse(contents(path("out.json")));
    EXPECT_EQ(report["error"]["kind"], "usage");
    EXPECT_EQ(report["tests"][0]["verdict"], "passed");
    EXPECT_EQ(nestbed({"run", "measure_walk", "--set", "samples=3"}).exit_code, success);
}

TEST_F(WithKvm, AMeasurementWithViolationsFailsEverywhere) {
    const ProcessResult result =
        nestbed({"run", "measure_dirty_log", "--set", "lose_page=1", "--output", path("out.xml"),
                 "--output", path("out.json"), "--output", path("out.tap")});
    EXPECT_EQ(result.exit_code, test_failed);
    EXPECT_THAT(result.out, HasSubstr("1 violation in "));
    EXPECT_THAT(contents(path("out.xml")), HasSubstr("<failure message=\"dirty: 1 violation"));
    EXPECT_THAT(contents(path("out.tap")), HasSubstr("not ok 1 "));
    const json report = json::parse(contents(path("out.json")));
    EXPECT_EQ(report["tests"][0]["verdict"], "failed");
    EXPECT_EQ(report["measurements"][0]["outcome"]["violations"], 1);
    EXPECT_GE(report["measurements"][0]["outcome"]["checks"], 1);
}

TEST_F(WithKvm, AMeasurementWithoutItsProofOrSamplesFails) {
    const std::vector<std::string> unproved{"run", "crash", "--filter", "*.measurement_*"};
    const ProcessResult result = nestbed(unproved);
    EXPECT_EQ(result.exit_code, test_failed);
    EXPECT_THAT(result.out, HasSubstr("unproved: the guest sent no proof with it"));
    std::vector<std::string> empty = unproved;
    empty.insert(empty.end(), {"--set", "samples=0"});
    EXPECT_THAT(nestbed(empty).out, HasSubstr("unproved: it has no samples"));
}

TEST_F(WithKvm, AClosedPipeEndsIt) {
    for (const bool ignored : {false, true}) {
        const ProcessResult result =
            nestbed({"run", "boot", "--repeat", "1000", "--filter", "boot.empty"}, [&] {
                int ends[2];
                if (::pipe(ends) == 0) {
                    ::close(ends[0]);
                    ::dup2(ends[1], STDOUT_FILENO);
                    ::close(ends[1]);
                }
                ::signal(SIGPIPE, ignored ? SIG_IGN : SIG_DFL);
            });
        if (ignored) {
            EXPECT_EQ(result.exit_code, host_failed);
            EXPECT_THAT(result.err, HasSubstr("Broken pipe"));
        } else {
            EXPECT_EQ(result.signal, SIGPIPE);
        }
    }
}

TEST_F(WithKvm, CtrlCReportsWhatFinished) {
    for (const int signal : {SIGINT, SIGTERM}) {
        Process process({NESTBED_PROGRAM, "run", "boot", "crash", "--filter",
                         "boot.empty:crash.hang*", "--jobs", "1", "--timeout", "60", "--format",
                         "json", "--output", path("out.json")});
        wait_for_output(process, "PASS  boot.empty");
        std::this_thread::sleep_for(50ms);
        process.send(signal);
        const ProcessResult result = process.wait();
        EXPECT_EQ(result.exit_code, interrupted) << result.err;
        EXPECT_THAT(result.out, HasSubstr("interrupted: 4 tests did not finish"));
        const json report = json::parse(contents(path("out.json")));
        EXPECT_EQ(report["summary"]["passed"], 1);
        EXPECT_EQ(report["summary"]["failed"], 0);
        EXPECT_EQ(report["interrupted"], true);
    }
}

TEST_F(WithKvm, CtrlCEndsATestOfManyCpusAtOnce) {
    Process process({NESTBED_PROGRAM, "run", "boot", "crash", "--filter",
                     "boot.empty:crash.hang_in_user_mode", "--cpus", "16", "--jobs", "1",
                     "--timeout", "60"});
    wait_for_output(process, "PASS  boot.empty");
    std::this_thread::sleep_for(100ms);
    const auto start = std::chrono::steady_clock::now();
    process.send(SIGINT);
    EXPECT_EQ(process.wait().exit_code, interrupted);
    EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST_F(WithKvm, DoctorDescribesTheHost) {
    const ProcessResult text = nestbed({"doctor"});
    EXPECT_EQ(text.exit_code, success) << text.err;
    EXPECT_THAT(text.out, HasSubstr("instruction at CPL 0"));
    EXPECT_THAT(text.out, HasSubstr("hypercalls (VMCALL, VMMCALL) "));
    EXPECT_THAT(text.out, HasSubstr("How far timings can be trusted here"));
    const json report = json::parse(nestbed({"doctor", "--json"}).out);
    EXPECT_GE(report["host"]["kvm"]["max_cpus"], 1);
    EXPECT_TRUE(report["host"]["calibration"]["hypercalls"].is_boolean());
    EXPECT_THAT(std::vector<json>({"ept", "npt", "shadow", "pvm", nullptr}),
                testing::Contains(report["host"]["paging"]));
}

}  // namespace
}  // namespace nestbed::test
