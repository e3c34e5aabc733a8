#include <gmock/gmock.h>

#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"
#include "vmm/render/format.hpp"

namespace nestbed::vmm {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(TapEscaped, NumberSignsAndBackslashesAreEscaped) {
    EXPECT_EQ(tap_escaped("a # SKIP not at all"), "a \\# SKIP not at all");
    EXPECT_EQ(tap_escaped("back\\slash"), "back\\\\slash");
}

TEST(TapEscaped, IsOneLine) { EXPECT_EQ(tap_escaped("a\nok 1"), "a\\\\x0aok 1"); }

TEST(TapReport, IsWholeForAMixedRun) {
    const RunReport report =
        test::report_of({test::passed("boot", "empty"), test::failed("demo", "fails"),
                         test::skipped("paging", "huge", "no 1 GiB pages")});
    EXPECT_EQ(tap_report(report),
              R"(TAP version 13
1..3
ok 1 - boot.empty
not ok 2 - demo.fails
  ---
  message: "an expectation failed"
  file: "guest/suites/demo.cpp"
  line: 7
  failures:
    - "guest/suites/demo.cpp:12: expected a == b: 1 == 2"
  log:
    - "[cpu 0] before it failed"
  ...
ok 3 - paging.huge # SKIP no 1 GiB pages
)");
}

TEST(TapReport, RepetitionsAreNoDirectives) {
    RunReport report = test::report_of({test::passed("boot", "empty")});
    report.tests[0].repetition = 2;
    EXPECT_THAT(tap_report(report), EndsWith("ok 1 - boot.empty \\#2\n"));
}

TEST(TapReport, ADiagnosisIsAListOfLines) {
    EXPECT_THAT(
        tap_report(test::report_of({test::crashed("demo", "dies")})),
        HasSubstr("  diagnosis:\n    - \"vCPU 0: ended the run\"\n    - \"  registers\"\n"));
}

TEST(TapReport, AFlakyTestIsOkWithARemark) {
    EXPECT_THAT(tap_report(test::report_of({test::flaky("demo", "wavers")})),
                EndsWith("1..1\nok 1 - demo.wavers\n"
                         "# flaky: failed 2 of 3 attempts: an expectation failed\n"));
}

TEST(TapReport, APlanOfNothingSaysWhy) {
    RunReport report = test::report_of({});
    report.remarks = {"shard 4/4 is empty"};
    report.nothing_to_run = true;
    EXPECT_EQ(tap_report(report), "TAP version 13\n1..0 # SKIP shard 4/4 is empty\n");
    report.nothing_to_run = false;
    report.tests.push_back(test::passed("boot", "empty"));
    EXPECT_EQ(tap_report(report),
              "TAP version 13\n1..1\n# shard 4/4 is empty\nok 1 - boot.empty\n");
}

TEST(TapReport, BailsOutOfAnUnfinishedRun) {
    RunReport report = test::report_of({test::passed("boot", "empty")});
    report.cut_short = CutShort::interrupted;
    report.not_finished = 2;
    EXPECT_THAT(tap_report(report), StartsWith("TAP version 13\n1..3\n"));
    EXPECT_THAT(tap_report(report), EndsWith("Bail out! interrupted: 2 tests did not finish\n"));
}

TEST(TapReport, FailedChecksAreAList) {
    RunReport report = test::report_of({test::foreign("apic", "smp")});
    EXPECT_THAT(tap_report(report), HasSubstr("  line: 7\n"
                                              "  failed_checks:\n"
                                              "    - \"check 1\"\n"
                                              "    - \"check 4\"\n"
                                              "  ...\n"));
    report.tests[0].sub_results.all.assign(100, {SubResult::Kind::fail, "x\n  ...\nok 2"});
    const std::string text = tap_report(report);
    EXPECT_THAT(text, HasSubstr("    - \"x\\n  ...\\nok 2\"\n"
                                "    - \"… 75 checks left out\"\n"
                                "    - \"x\\n"));
    EXPECT_THAT(text, testing::Not(HasSubstr("\nok 2")));
    report.tests[0].verdict = Verdict::passed;
    EXPECT_THAT(tap_report(report), testing::Not(HasSubstr("failed_checks")));
}

}  // namespace
}  // namespace nestbed::vmm
