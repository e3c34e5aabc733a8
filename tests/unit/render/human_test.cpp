#include "vmm/render/human.hpp"

#include <gmock/gmock.h>

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
              "  demo.fails  an expectation failed\n"
              "skipped:\n"
              "  paging.huge  no 1 GiB pages\n");
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
              "      attempt 2 failed: triple fault\n");
    EXPECT_EQ(human_summary(report),
              "\n2 tests in 1.50 s: 2 passed (1 flaky), 0 failed, 0 skipped\n"
              "flaky:\n"
              "  demo.wavers  failed 2 of 3 attempts: an expectation failed\n");
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
