// The phases of dirty logging as text: times for a page, and what went wrong.

#include "vmm/study/dirty_log_table.hpp"

#include <gmock/gmock.h>

#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using channel::DirtyLogKind;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr DirtyLogCombination bitmap{.log = DirtyLogKind::bitmap, .memory = 16 << 20, .cpus = 2};

/// A phase over 1000 pages; a cycle is half a nanosecond in the samples' results.
MeasurementEvent phase(const std::string& name, std::uint64_t cycles, std::uint64_t missing = 0) {
    return {name,
            "cycles",
            {{"pages", std::uint64_t{1000}}, {"ring_full", std::uint64_t{3}}, {"missing", missing}},
            test::histogram_of({cycles})};
}

TestResult measured(std::vector<MeasurementEvent> phases) {
    TestResult test = test::passed("measure_dirty_log", "phases");
    test.measurements = std::move(phases);
    return test;
}

TEST(DirtyLogTable, HasTheTimeOfAPageInEachPhase) {
    const std::string text = dirty_log_table(
        {bitmap},
        {measured({phase("populate", 32768), phase("enable", 16), phase("dirty", 8192)})});
    EXPECT_THAT(text, ContainsRegex("bitmap +16 MiB +2 +strided +16.4 +0.0 +4.1 +3 +0\n"));
}

TEST(DirtyLogTable, ShowsAFailedRunWithItsMissingPagesAndItsReason) {
    TestResult test = measured({phase("dirty", 8192, 7)});
    test.verdict = Verdict::failed;
    test.reason = "7 violations";
    EXPECT_THAT(dirty_log_table({bitmap}, {std::move(test)}),
                AllOf(ContainsRegex(" 4.1 +3 +7\n"),
                      HasSubstr("failed: bitmap, 16 MiB, 2 vCPUs, strided: 7 violations")));
}

TEST(DirtyLogTable, SaysWhyACombinationHasNoRow) {
    EXPECT_THAT(
        dirty_log_table({bitmap}, {test::skipped("measure_dirty_log", "phases", "no rings")}),
        AllOf(HasSubstr("skipped: bitmap, 16 MiB, 2 vCPUs, strided: no rings"),
              Not(HasSubstr("ns per page"))));
    EXPECT_THAT(dirty_log_table({bitmap, bitmap}, {}), IsEmpty());
}

}  // namespace
}  // namespace nestbed::vmm
