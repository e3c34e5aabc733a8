#include "vmm/result/run_report.hpp"

#include <gmock/gmock.h>

#include "samples.hpp"

namespace nestbed::vmm {
namespace {

TEST(RunReport, SaysWhatItFallsShortOf) {
    RunReport report = test::report_of({test::failed("a", "b")});
    EXPECT_EQ(report.shortcoming(), "") << "a failed test is a result";
    report.cut_short = CutShort::interrupted;
    report.not_finished = 1;
    EXPECT_EQ(report.shortcoming(), "interrupted: 1 test did not finish");
    report.cut_short = CutShort::time_limit;
    EXPECT_EQ(report.shortcoming(), "the time limit was reached: 1 test did not finish");
    report.cut_short = CutShort::first_failure;
    EXPECT_EQ(report.shortcoming(), "stopped at the first failure: 1 test not run");
    report.error = Error(ErrorKind::io, "a full disk");
    EXPECT_EQ(report.shortcoming(), "a full disk: 1 test did not finish");
    report.not_finished = 0;
    EXPECT_EQ(report.shortcoming(), "a full disk");
}

TEST(RunReport, TheRunsErrorComesBeforeThoseOfTests) {
    RunReport report = test::report_of({test::failed("a", "b")});
    EXPECT_FALSE(report.first_error());
    report.tests.push_back(test::not_run("boot", "empty"));
    report.tests.push_back(test::not_run("boot", "memory"));
    EXPECT_EQ(report.first_error()->kind(), ErrorKind::kernel_refused);
    EXPECT_STREQ(report.first_error()->what(),
                 "boot.empty (and 1 more): KVM_CREATE_VM failed: <no> memory");
    report.error = Error(ErrorKind::io, "a full disk");
    EXPECT_STREQ(report.first_error()->what(), "a full disk");
}

}  // namespace
}  // namespace nestbed::vmm
