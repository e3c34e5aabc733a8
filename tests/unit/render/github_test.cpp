#include "vmm/render/github.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

TEST(WorkflowMessage, IsOneLineThatTheRunnerReadsBack) {
    EXPECT_EQ(workflow_message("50% of\r\na:b,c"), "50%25 of%0D%0Aa:b,c");
}

TEST(WorkflowProperty, HasNoMarksOfTheCommand) {
    EXPECT_EQ(workflow_property("a:b,c%\n"), "a%3Ab%2Cc%25%0A");
}

TEST(GithubAnnotations, AreAtThePlaceOfEachFailure) {
    const RunReport report =
        test::report_of({test::passed("boot", "empty"), test::failed("demo", "fails"),
                         test::crashed("demo", "dies"), test::skipped("a", "b", "no")});
    EXPECT_EQ(github_annotations(report),
              "::error file=guest/suites/demo.cpp,line=12,title=demo.fails::"
              "expected a == b, and it is 1 == 2\n"
              "::error file=guest/suites/demo.cpp,line=7,title=demo.dies::"
              "triple fault (KVM_EXIT_SHUTDOWN)\n");
}

TEST(GithubAnnotations, AreNoneOfARunThatPassed) {
    EXPECT_THAT(github_annotations(test::report_of({test::passed("boot", "empty")})), IsEmpty());
}

TEST(GithubAnnotations, TellWhatWasNotRun) {
    RunReport report = test::report_of({});
    report.error = Error(ErrorKind::host_lacks, "no /dev/kvm");
    report.not_finished = 3;
    EXPECT_EQ(github_annotations(report),
              "::error title=nestbed::no /dev/kvm: 3 tests did not finish\n");
}

TEST(GithubAnnotations, AGuestCannotAddACommand) {
    RunReport report = test::report_of({test::failed("demo", "evil")});
    report.tests[0].name = "evil::\n::set-output name=a::b";
    report.tests[0].failures[0].values = "\"\n::add-mask::x\" == 1";
    report.tests[0].failures[0].file = "a.cpp,title=b::\n::error::";
    const std::string text = github_annotations(report);
    EXPECT_EQ(std::ranges::count(text, '\n'), 1) << text;
    EXPECT_THAT(text, HasSubstr("file=a.cpp%2Ctitle=b%3A%3A%0A%3A%3Aerror%3A%3A,line=12"));
}

TEST(GithubAnnotations, AFlakyTestIsAWarning) {
    EXPECT_THAT(
        github_annotations(test::report_of({test::flaky("demo", "wavers")})),
        StartsWith("::warning file=guest/suites/demo.cpp,line=7,title=demo.wavers::failed 2 "
                   "of 3 attempts"));
}

TEST(GithubAnnotations, NothingButSkipsIsAnError) {
    RunReport report = test::report_of({test::skipped("demo", "one", "no such feature")});
    EXPECT_THAT(github_annotations(report), HasSubstr("::error title=nestbed::every test was"));
    report.shard = "1/2";
    EXPECT_EQ(github_annotations(report), "");
}

TEST(GithubAnnotations, AreNoFlood) {
    RunReport report = test::report_of({});
    for (int n = 0; n < 1000; ++n) {
        report.tests.push_back(test::failed("demo", "fails"));
    }
    const std::string text = github_annotations(report);
    EXPECT_EQ(std::ranges::count(text, '\n'), 51);
    EXPECT_THAT(text, HasSubstr("::950 other tests failed or were flaky\n"));
}

}  // namespace
}  // namespace nestbed::vmm
