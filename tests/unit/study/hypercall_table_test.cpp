// The table of calls: a row for what was measured, a line for what was not.

#include "vmm/study/hypercall_table.hpp"

#include <gmock/gmock.h>

#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::DoubleEq;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::Optional;

/// A kind whose calls took `cycles` where a bare loop took `bare`.
TestResult measured(const std::string& kind, std::uint64_t cycles, std::uint64_t bare) {
    TestResult test = test::passed("measure_hypercall", kind);
    test.measurements = {{"hypercall",
                          "cycles",
                          {{"kind", kind},
                           {"answered_by", "user space"},
                           {"mode", "kernel"},
                           {"per_sample", std::uint64_t{16}},
                           {"empty_pair", std::uint64_t{25}},
                           {"counted", std::uint64_t{32}},
                           {"exits_of_counted", std::uint64_t{8}}},
                          test::histogram_of({cycles, cycles, cycles})},
                         {"bare loop",
                          "cycles",
                          {{"kind", kind}, {"floor", "same exit"}},
                          test::histogram_of({bare, bare, bare})}};
    return test;
}

TEST(HypercallTable, HasARowForEachKind) {
    const std::string text =
        hypercall_table({measured("port", 3000, 2000), measured("mmio", 4000, 4000)});
    EXPECT_THAT(text, ContainsRegex("port +user space +kernel +0.25 +1.50 +same exit +16 +25 +3 "
                                    "+3000"));
    EXPECT_THAT(text, ContainsRegex("mmio +user space +kernel +0.25 +1.00"));
    EXPECT_THAT(text, Not(HasSubstr("doorbell")));
}

TEST(HypercallTable, SaysWhyAKindHasNoRow) {
    TestResult failed = test::failed("measure_hypercall", "ioeventfd");
    failed.measurements = measured("ioeventfd", 1, 1).measurements;
    const std::string text =
        hypercall_table({test::skipped("measure_hypercall", "vmcall", "it does not come back"),
                         std::move(failed), test::passed("measure_hypercall", "cpuid")});
    EXPECT_THAT(text, AllOf(HasSubstr("skipped: vmcall: it does not come back"),
                            HasSubstr("failed: ioeventfd: an expectation failed"),
                            HasSubstr("failed: cpuid: the guest sent no measurement")));
    EXPECT_THAT(text, Not(HasSubstr("answered by")));
}

TEST(HypercallTable, ShowsKvmsCounts) {
    TestResult test = measured("port", 1, 1);
    test.kvm_counts = {16, 16, {{"io_exits", 1}, {"mmio_exits", 0.001}}, ""};
    const std::string text = hypercall_table({std::move(test)});
    EXPECT_THAT(text, AllOf(HasSubstr("KVM's counts per call"), HasSubstr("io_exits"),
                            Not(HasSubstr("mmio_exits"))));
}

TEST(DoorbellLine, JudgesTheRatioOfTheMedians) {
    EXPECT_EQ(doorbell_line({measured("port", 9, 1), measured("doorbell", 1040, 1000)}),
              "doorbell: 1.04 times the bare KVM loop, of 1.05 allowed: good\n");
    EXPECT_EQ(doorbell_line({measured("doorbell", 1100, 1000)}),
              "doorbell: 1.10 times the bare KVM loop, of 1.05 allowed: TOO MUCH\n");
    EXPECT_THAT(doorbell_line({measured("port", 9, 1)}), IsEmpty());
    EXPECT_THAT(doorbell_line({test::skipped("measure_hypercall", "doorbell", "")}), IsEmpty());
}

TEST(OverBareLoop, IsFinerThanABucket) {
    // 1024 to 1055 are one bucket: two fifths into it, and half.
    TestResult test = measured("port", 1, 1);
    test.measurements[0].histogram = test::histogram_of({1000, 1024, 1055, 1055, 1055, 1055});
    test.measurements[1].histogram = test::histogram_of({1024, 1055, 1055, 1055});
    EXPECT_THAT(over_bare_loop(test), Optional(DoubleEq((1024 + 32 * 0.4) / (1024 + 32 * 0.5))));
}

TEST(OverBareLoop, NeedsBothHistograms) {
    EXPECT_THAT(over_bare_loop(measured("port", 30, 20)), Optional(DoubleEq(1.5)));
    TestResult alone = measured("port", 30, 20);
    alone.measurements.pop_back();
    EXPECT_EQ(over_bare_loop(alone), std::nullopt);
    alone.measurements.clear();
    EXPECT_EQ(over_bare_loop(alone), std::nullopt);
    EXPECT_EQ(exits_per_call(alone), std::nullopt);
}

}  // namespace
}  // namespace nestbed::vmm
