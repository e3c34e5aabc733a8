// The fault ladder as text: a row for each rung that was measured, a line for each that was not.

#include "vmm/study/fault_table.hpp"

#include <gmock/gmock.h>

#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using fault::Rung;
using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

/// Three stores that took so many cycles.
FaultResult measured(Rung rung, std::uint64_t cycles) {
    FaultResult result{rung, test::passed("measure_fault", "rung")};
    result.test.measurements = {{"store",
                                 "cycles",
                                 {{"rung", std::string(name_of(rung))}},
                                 test::histogram_of({cycles, cycles, cycles})}};
    return result;
}

TEST(FaultTable, SetsEachRungBesideTheHit) {
    const std::string text = fault_table(
        {measured(Rung::unmapped, 30), measured(Rung::hit, 20), measured(Rung::discarded, 50)});
    EXPECT_THAT(text, ContainsRegex("\nunmapped +1.5 +3 +30 "));
    EXPECT_THAT(text, ContainsRegex("\nhit +1.0 +3 +20 "));
    EXPECT_THAT(text, ContainsRegex("\ndiscarded +2.5 +3 +50 "));
}

TEST(FaultTable, HasNoRatioWithoutTheHit) {
    EXPECT_THAT(fault_table({measured(Rung::unmapped, 30)}), ContainsRegex("\nunmapped +3 +30 "));
    FaultResult hit = measured(Rung::hit, 20);
    hit.test.verdict = Verdict::failed;
    EXPECT_THAT(fault_table({std::move(hit), measured(Rung::unmapped, 30)}),
                AllOf(ContainsRegex("\nunmapped +3 +30 "), HasSubstr("failed: hit")));
}

TEST(FaultTable, HasTheMovesBelowTheirRung) {
    FaultResult moved = measured(Rung::moved, 40);
    moved.test.measurements.push_back({"move", "cycles", {}, test::histogram_of({28, 28})});
    EXPECT_THAT(fault_table({measured(Rung::hit, 20), std::move(moved)}),
                ContainsRegex("\nmoved +2.0 +3 +40 .*\n  each move +2 +28 "));
}

TEST(FaultTable, SaysWhyARungHasNoRow) {
    const std::string text =
        fault_table({{Rung::paged_out, test::skipped("measure_fault", "rung", "there is no swap")},
                     {Rung::hit, test::passed("measure_fault", "rung")}});
    EXPECT_THAT(text, AllOf(HasSubstr("skipped: paged-out: there is no swap"),
                            HasSubstr("failed: hit: the guest sent no measurement"),
                            Not(HasSubstr("p50 /hit"))));
}

TEST(FaultTable, ShowsKvmsCounts) {
    FaultResult unmapped = measured(Rung::unmapped, 30);
    unmapped.test.kvm_counts = {16, 16, {{"pf_fixed", 1}, {"nothing", 0.001}}, ""};
    EXPECT_THAT(fault_table({std::move(unmapped)}),
                AllOf(HasSubstr("KVM's counts per store"), HasSubstr("pf_fixed"),
                      Not(HasSubstr("nothing"))));
}

}  // namespace
}  // namespace nestbed::vmm
