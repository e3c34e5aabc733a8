// What KVM's counters did over regions, counted from hand-made ones; and guests that mark them
// wrongly.

#include "vmm/services/region_counter.hpp"

#include <gmock/gmock.h>

#include <array>
#include <map>

#include "shared/channel/ports.hpp"
#include "tests/unit/kvm/statistics_file.hpp"

namespace nestbed::vmm {
namespace {

using channel::RegionMark;
using kvm::test::StatisticsFile;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Optional;

auto count(const char* name, double per_operation) {
    return AllOf(Field(&KvmCount::name, name), Field(&KvmCount::per_operation, per_operation));
}

/// A VM with one counter, and a vCPU with two of which one has the same name as another vCPU's.
class RegionCounterTest : public testing::Test {
  protected:
    RegionCounterTest() : counter_(sources()) {}

    std::optional<std::string> mark(RegionMark value) {
        return counter_.mark(static_cast<std::uint32_t>(value));
    }

    /// Lets a counter grow, as KVM does.
    void grow(StatisticsFile& file, std::uint32_t n, std::uint64_t by) {
        values_[&file][n] += by;
        file.set_value(n, values_[&file][n]);
        file.save();
    }

    /// A region with this in it.
    template <typename Function>
    void region(RegionMark begin, RegionMark end, const Function& function) {
        EXPECT_EQ(mark(begin), std::nullopt);
        function();
        EXPECT_EQ(mark(end), std::nullopt);
    }
    template <typename Function>
    void empty(const Function& function) {
        region(RegionMark::begin_empty, RegionMark::end_empty, function);
    }
    template <typename Function>
    void operation(const Function& function) {
        region(RegionMark::begin_operation, RegionMark::end_operation, function);
    }

    StatisticsFile vm_{{"remote_tlb_flush"}};
    StatisticsFile vcpu_0_{{"exits", "tlb_flush"}};
    StatisticsFile vcpu_1_{{"exits", "tlb_flush"}};

  private:
    std::vector<kvm::Statistics> sources() {
        std::vector<kvm::Statistics> result;
        for (StatisticsFile* file : {&vm_, &vcpu_0_, &vcpu_1_}) {
            result.emplace_back(file->open());
        }
        return result;
    }

    std::map<StatisticsFile*, std::array<std::uint64_t, 2>> values_{
        {&vm_, {10, 0}}, {&vcpu_0_, {10, 20}}, {&vcpu_1_, {10, 20}}};

  protected:
    RegionCounter counter_;
};

TEST_F(RegionCounterTest, AddsUpTheVcpusAndTakesOffWhatIsEmpty) {
    empty([&] { grow(vcpu_0_, 0, 1); });
    operation([&] {
        grow(vm_, 0, 1);
        grow(vcpu_0_, 0, 3);
        grow(vcpu_1_, 0, 5);
    });
    operation([&] {
        grow(vcpu_0_, 0, 2);
        grow(vcpu_1_, 1, 1);
    });
    const KvmCounts counts = counter_.counts();
    EXPECT_EQ(counts.operations, 2U);
    EXPECT_EQ(counts.empty, 1U);
    EXPECT_THAT(counts.counts, ElementsAre(count("remote_tlb_flush", 0.5), count("exits", 5 - 1),
                                           count("tlb_flush", 0.5)));
}

TEST_F(RegionCounterTest, WhatHappensBetweenRegionsIsNotCounted) {
    grow(vcpu_0_, 0, 100);
    empty([] {});
    grow(vcpu_0_, 0, 100);
    operation([&] { grow(vcpu_0_, 1, 1); });
    grow(vcpu_0_, 0, 100);
    EXPECT_THAT(counter_.counts().counts, ElementsAre(count("tlb_flush", 1)));
}

TEST_F(RegionCounterTest, ADifferenceMayBeNegative) {
    empty([&] { grow(vcpu_0_, 0, 4); });
    operation([&] { grow(vcpu_0_, 0, 1); });
    EXPECT_THAT(counter_.counts().counts, ElementsAre(count("exits", -3)));
}

TEST_F(RegionCounterTest, WithoutEmptyRegionsThereIsNothingToCompareWith) {
    operation([&] { grow(vcpu_0_, 0, 1); });
    EXPECT_EQ(counter_.counts().operations, 1U);
    EXPECT_THAT(counter_.counts().counts, IsEmpty());
}

TEST_F(RegionCounterTest, ARegionThatIsOpenDoesNotCount) {
    empty([] {});
    operation([] {});
    EXPECT_EQ(mark(RegionMark::begin_operation), std::nullopt);
    grow(vcpu_0_, 0, 7);
    EXPECT_EQ(counter_.counts().operations, 1U);
    EXPECT_THAT(counter_.counts().counts, IsEmpty());
}

TEST_F(RegionCounterTest, WrongMarksAreRefused) {
    EXPECT_THAT(mark(RegionMark::end_empty), Optional(HasSubstr("did not begin")));
    EXPECT_THAT(mark(RegionMark::end_operation), Optional(HasSubstr("did not begin")));
    EXPECT_EQ(mark(RegionMark::begin_empty), std::nullopt);
    EXPECT_THAT(mark(RegionMark::begin_empty), Optional(HasSubstr("inside another")));
    EXPECT_THAT(mark(RegionMark::begin_operation), Optional(HasSubstr("inside another")));
    EXPECT_THAT(mark(RegionMark::end_operation), Optional(HasSubstr("did not begin")));
    for (const std::uint32_t value : {4U, 0x100U, 0xFFFF'FFFFU}) {
        EXPECT_THAT(counter_.mark(value), Optional(HasSubstr("no mark"))) << value;
    }
    EXPECT_EQ(counter_.counts().empty, 0U);
}

TEST(RegionCounterAlone, ChecksMarksWithoutCounters) {
    RegionCounter counter;
    EXPECT_FALSE(counter.has_counters());
    EXPECT_EQ(counter.mark(static_cast<std::uint32_t>(RegionMark::begin_empty)), std::nullopt);
    EXPECT_EQ(counter.mark(static_cast<std::uint32_t>(RegionMark::end_empty)), std::nullopt);
    EXPECT_NE(counter.mark(static_cast<std::uint32_t>(RegionMark::end_empty)), std::nullopt);
    EXPECT_EQ(counter.counts().empty, 1U);
}

}  // namespace
}  // namespace nestbed::vmm
