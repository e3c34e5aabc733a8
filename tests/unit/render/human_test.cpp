#include "vmm/render/human.hpp"

#include <gmock/gmock.h>

#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

TEST(HumanReport, OneLineForATestThatPassed) {
    EXPECT_EQ(human_test(test::passed("boot", "empty"), {.name_width = 12}),
              "PASS  boot.empty     2 vCPUs    12.5 ms\n");
}

TEST(HumanReport, AFailureHasPlaceExpressionValuesAndLog) {
    EXPECT_EQ(human_test(test::failed("demo", "fails"), {}),
              "FAIL  demo.fails   2 vCPUs    12.5 ms  an expectation failed\n"
              "      guest/suites/demo.cpp:12: expected a == b\n"
              "          1 == 2\n"
              "      [cpu 0] before it failed\n");
}

TEST(HumanReport, ATestWithoutAReasonSaysWhatItsChecksCameTo) {
    TestResult result = test::foreign("apic", "smp");
    EXPECT_THAT(human_test(result, {}), EndsWith("  2 of 1006 checks failed: check 1\n"));
    result.verdict = Verdict::passed;
    result.reason = "";
    result.sub_results.counts.of = {30, 0, 1};
    EXPECT_EQ(human_test(result, {}), "PASS  apic.smp   2 vCPUs    12.5 ms  30 PASS, 1 SKIP\n");
    result.sub_results.counts = {};
    EXPECT_EQ(human_test(result, {}), "PASS  apic.smp   2 vCPUs    12.5 ms\n");
}

TEST(HumanReport, ADiagnosisIsIndented) {
    EXPECT_EQ(human_test(test::crashed("demo", "dies"), {}),
              "FAIL  demo.dies   2 vCPUs    12.5 ms\n"
              "      triple fault (KVM_EXIT_SHUTDOWN)\n"
              "      vCPU 0: ended the run\n"
              "        registers\n"
              "          rax 0\n");
}

TEST(HumanReport, LogLinesOfPassedTestsOnlyIfAskedFor) {
    TestResult result = test::passed("demo", "talks");
    result.log = {"[cpu 1] hello"};
    EXPECT_THAT(human_test(result, {}), Not(HasSubstr("hello")));
    EXPECT_THAT(human_test(result, {.verbose = true}), EndsWith("      [cpu 1] hello\n"));
}

TEST(HumanReport, AGuestCannotWriteToTheTerminal) {
    TestResult result = test::failed("demo", "evil");
    result.log = {"[cpu 0] \x1b[2Jgone\nPASS  boot.empty"};
    result.failures[0].values = "\"\x1b]0;title\x07\" == 1";
    const std::string text = human_test(result, {});
    EXPECT_THAT(text, Not(HasSubstr("\x1b")));
    EXPECT_THAT(text, Not(HasSubstr("\nPASS")));
}

TEST(HumanReport, RepetitionsHaveANumber) {
    TestResult result = test::passed("boot", "empty");
    result.repetition = 3;
    EXPECT_EQ(display_name(result), "boot.empty #3");
}

TEST(HumanReport, TheEndListsFailedAndSkippedTests) {
    const RunReport report =
        test::report_of({test::passed("boot", "empty"), test::failed("demo", "fails"),
                         test::skipped("paging", "huge", "no 1 GiB pages")});
    EXPECT_EQ(human_summary(report),
              "\n3 tests in 1.50 s: 1 passed, 1 failed, 1 skipped\n"
              "failed:\n"
              "  demo.fails  guest/suites/demo.cpp:12: expected a == b, and it is 1 == 2\n"
              "skipped:\n"
              "  paging.huge  no 1 GiB pages\n");
}

TEST(HumanReport, TheEndHasPlaceAndReasonOfADeadGuest) {
    EXPECT_THAT(human_summary(test::report_of({test::crashed("demo", "dies")})),
                HasSubstr("failed:\n"
                          "  demo.dies  guest/suites/demo.cpp:7: triple fault "
                          "(KVM_EXIT_SHUTDOWN)\n"));
}

TEST(HumanReport, TheEndCountsRepetitions) {
    RunReport report = test::report_of({});
    for (std::uint64_t n = 1; n <= 12; ++n) {
        report.tests.push_back(n % 3 == 0 ? test::failed("demo", "flaky")
                                          : test::passed("demo", "flaky"));
        report.tests.back().repetition = n;
        report.tests.push_back(test::skipped("paging", "huge", "no 1 GiB pages"));
        report.tests.back().repetition = n;
    }
    EXPECT_THAT(human_summary(report),
                EndsWith("failed:\n"
                         "  demo.flaky  failed 4 of 12 (#3, #6, #9, #12): "
                         "guest/suites/demo.cpp:12: expected a == b, and it is 1 == 2\n"
                         "skipped:\n"
                         "  paging.huge  skipped 12 of 12: no 1 GiB pages\n"));
}

TEST(HumanReport, TheEndCountsFurtherFailures) {
    RunReport report = test::report_of({test::failed("demo", "fails")});
    report.tests[0].failures.push_back(report.tests[0].failures.front());
    report.tests[0].failures_left_out = 1'000'000;
    EXPECT_THAT(human_summary(report), HasSubstr("it is 1 == 2 (and 1,000,001 more)\n"));
}

TEST(HumanReport, AFloodIsCut) {
    TestResult result = test::failed("demo", "floods");
    result.failures.assign(1'000, result.failures.front());
    result.log.assign(20'000, "[cpu 0] again");
    result.log_left_out = 580'000;
    const std::string text = human_test(result, {});
    EXPECT_THAT(text, HasSubstr("\n      … 975 failures left out\n"));
    EXPECT_THAT(text, HasSubstr("\n      … 599,900 lines left out\n"));
    EXPECT_EQ(lines_of(text).size(), 1 + 2 * 25 + 1 + 100 + 1U);
}

TEST(HumanReport, WhatFitsIsNotCut) {
    TestResult result = test::failed("demo", "talks");
    result.log.assign(100, "[cpu 0] again");
    EXPECT_THAT(human_test(result, {}), Not(HasSubstr("left out")));
}

TEST(HumanReport, ABriefDiagnosisIsInsteadOfTheWhole) {
    TestResult result = test::crashed("demo", "dies");
    result.brief_diagnosis = "vCPU 0\n    => ud2\n";
    const std::string text = human_test(result, {.brief = true});
    EXPECT_THAT(text, HasSubstr("      vCPU 0\n          => ud2\n"));
    EXPECT_THAT(text, Not(HasSubstr("registers")));
    EXPECT_THAT(human_summary(test::report_of({result}), {.brief = true}),
                HasSubstr("--diagnosis full has "));
    EXPECT_THAT(human_test(result, {}), HasSubstr("registers"));
    EXPECT_THAT(human_test(test::crashed("demo", "read_back"), {.brief = true}),
                HasSubstr("registers"))
        << "it has no brief one";
}

TEST(HumanReport, QuietIsFailuresAndTheSummary) {
    const RunReport report =
        test::report_of({test::passed("boot", "empty"), test::failed("demo", "fails"),
                         test::skipped("paging", "huge", "no 1 GiB pages")});
    const std::string text = human_report(report, {.quiet = true});
    EXPECT_THAT(text, StartsWith("FAIL  demo.fails"));
    EXPECT_THAT(text, HasSubstr("3 tests in 1.50 s: 1 passed, 1 failed, 1 skipped\nfailed:\n"));
    EXPECT_THAT(text, Not(HasSubstr("paging.huge")));
    EXPECT_EQ(human_report(test::report_of({test::passed("boot", "empty")}), {.quiet = true}),
              "1 test in 1.50 s: 1 passed, 0 failed, 0 skipped\n");
}

TEST(HumanReport, HasColoursIfThereAreToBeAny) {
    const RunReport report =
        test::report_of({test::passed("boot", "empty"), test::failed("demo", "fails"),
                         test::skipped("paging", "huge", "no 1 GiB pages")});
    const std::string text = human_report(report, {.has_color = true});
    EXPECT_THAT(text, StartsWith("\x1b[32mPASS\x1b[0m  boot.empty"));
    EXPECT_THAT(text, HasSubstr("\n\x1b[31mFAIL\x1b[0m  demo.fails"));
    EXPECT_THAT(text, HasSubstr("\x1b[33mSKIP\x1b[0m  "));
    EXPECT_THAT(text, HasSubstr("\x1b[32m1 passed\x1b[0m, \x1b[31m1 failed\x1b[0m"));
    EXPECT_THAT(human_report(report, {}), Not(HasSubstr("\x1b")));
}

TEST(HumanReport, FitsItsWidth) {
    TestResult long_name = test::passed("paging", std::string(60, 'n'));
    TestResult long_reason = test::skipped("paging", "huge",
                                           "the host has no pages of 1 GiB, and "
                                           "none could be made of what memory it has left");
    TestResult dead = test::crashed("demo", "dies");
    dead.reason =
        "page fault at 0x1234, in a function of a long name, called from another one, "
        "on vCPU 1";
    const RunReport report = test::report_of({test::passed("boot", "empty"), long_name, long_reason,
                                              dead, test::failed("demo", "fails")});
    const HumanStyle style{.name_width = 77, .width = 80};
    const std::string text = human_report(report, style);
    for (const std::string_view line : lines_of(text)) {
        EXPECT_LE(width_of(line), 80U) << line;
    }
    EXPECT_THAT(text, HasSubstr("PASS  paging." + std::string(60, 'n') + "\n"));
    EXPECT_THAT(human_report(report, {}), HasSubstr("demo.dies   guest/suites/demo.cpp:7: page "
                                                    "fault at 0x1234, in a function of a long "
                                                    "name, called from another one, on vCPU 1\n"));
}

TEST(HumanReport, NothingButSkippedTestsIsNoSuccess) {
    EXPECT_THAT(human_summary(test::report_of({test::skipped("a", "b", "no")})),
                EndsWith("every test was skipped: this run is not a success\n"));
}

TEST(HumanReport, TellsWhatDidNotFinish) {
    RunReport report = test::report_of({test::passed("boot", "empty")});
    report.cut_short = CutShort::interrupted;
    report.not_finished = 2;
    EXPECT_THAT(human_summary(report), HasSubstr("\ninterrupted: 2 tests did not finish\n"));
}

TEST(HumanReport, AFlakyTestShowsWhatFailed) {
    const RunReport report =
        test::report_of({test::passed("boot", "empty"), test::flaky("demo", "wavers")});
    EXPECT_EQ(human_test(report.tests[1], {}),
              "PASS  demo.wavers   2 vCPUs    12.5 ms  flaky\n"
              "      attempt 1 failed: an expectation failed\n"
              "      guest/suites/demo.cpp:12: expected a == b\n"
              "          1 == 2\n"
              "      [cpu 0] before it failed\n"
              "      attempt 2 failed: triple fault\n"
              "      vCPU 0: ended the run\n");
    EXPECT_EQ(human_summary(report),
              "\n2 tests in 1.50 s: 2 passed (1 flaky), 0 failed, 0 skipped\n"
              "flaky:\n"
              "  demo.wavers  failed 2 of 3 attempts: an expectation failed\n");
}

TEST(HumanReport, AFlakyTestsDiagnosisIsAsBriefAsAnother) {
    RunReport report = test::report_of({test::flaky("demo", "wavers")});
    EXPECT_THAT(human_report(report, {.brief = true}), Not(HasSubstr("--diagnosis full")));
    report.tests[0].failed_attempts[1].brief_diagnosis = "vCPU 0\n    => ud2\n";
    const std::string text = human_report(report, {.brief = true});
    EXPECT_THAT(text, HasSubstr("triple fault\n      vCPU 0\n          => ud2\n"));
    EXPECT_THAT(text, Not(HasSubstr("ended the run")));
    EXPECT_THAT(text, HasSubstr("--diagnosis full has "));
    EXPECT_THAT(human_report(report, {}), HasSubstr("ended the run"));
    report.tests[0].verdict = Verdict::failed;
    EXPECT_THAT(human_report(report, {.brief = true}), Not(HasSubstr("ud2")))
        << "its last failure is told in detail";
}

TEST(HumanReport, WarnsOfSlowTests) {
    TestResult result = test::passed("demo", "crawls");
    result.seconds = 6;
    result.timeout = 10;
    result.slow_after = 5;
    EXPECT_THAT(human_test(result, {}),
                EndsWith("      slow: it took more than 5.00 s of its timeout of 10.0 s\n"));
    result.verdict = Verdict::failed;
    EXPECT_THAT(human_test(result, {}), Not(HasSubstr("slow"))) << "there is worse to say";
}

TEST(HumanReport, SaysWhyThereWasNothingToRun) {
    RunReport report = test::report_of({});
    report.nothing_to_run = true;
    report.remarks = {"shard 4/4 is empty: there are 3 tests"};
    EXPECT_EQ(human_report(report, {}), "shard 4/4 is empty: there are 3 tests\n");
}

TEST(HumanReport, IsItsParts) {
    const RunReport report = test::report_of({test::passed("boot", "empty")});
    EXPECT_THAT(human_report(report, {}), StartsWith("PASS  boot.empty"));
    EXPECT_THAT(human_report(report, {}), EndsWith(human_summary(report)));
}

}  // namespace
}  // namespace nestbed::vmm
