// What KVM's counters did over stretches, counted from hand-made ones; and guests that mark them
// wrongly.

#include "vmm/services/stretch_counter.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <map>
#include <thread>

#include "shared/channel/ports.hpp"
#include "tests/unit/kvm/statistics_file.hpp"

namespace nestbed::vmm {
namespace {

using channel::StretchMark;
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
class StretchCounterTest : public testing::Test {
  protected:
    StretchCounterTest() : counter_(sources()) {}

    std::optional<std::string_view> mark(StretchMark value) {
        return counter_.mark(static_cast<std::uint32_t>(value));
    }

    /// Lets a counter grow, as KVM does.
    void grow(StatisticsFile& file, std::uint32_t n, std::uint64_t by) {
        values_[&file][n] += by;
        file.set_value(n, values_[&file][n]);
        file.save();
    }

    /// A stretch with this in it.
    template <typename Function>
    void stretch(StretchMark begin, StretchMark end, const Function& function) {
        EXPECT_EQ(mark(begin), std::nullopt);
        function();
        EXPECT_EQ(mark(end), std::nullopt);
    }
    template <typename Function>
    void empty(const Function& function) {
        stretch(StretchMark::begin_empty, StretchMark::end_empty, function);
    }
    template <typename Function>
    void operation(const Function& function) {
        stretch(StretchMark::begin_operation, StretchMark::end_operation, function);
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
    StretchCounter counter_;
};

TEST_F(StretchCounterTest, AddsUpTheVcpusAndTakesOffWhatIsEmpty) {
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

TEST_F(StretchCounterTest, WhatHappensBetweenStretchesIsNotCounted) {
    grow(vcpu_0_, 0, 100);
    empty([] {});
    grow(vcpu_0_, 0, 100);
    operation([&] { grow(vcpu_0_, 1, 1); });
    grow(vcpu_0_, 0, 100);
    EXPECT_THAT(counter_.counts().counts, ElementsAre(count("tlb_flush", 1)));
}

TEST_F(StretchCounterTest, ADifferenceMayBeNegative) {
    empty([&] { grow(vcpu_0_, 0, 4); });
    operation([&] { grow(vcpu_0_, 0, 1); });
    EXPECT_THAT(counter_.counts().counts, ElementsAre(count("exits", -3)));
}

TEST_F(StretchCounterTest, WithoutEmptyStretchesThereIsNothingToCompareWith) {
    operation([&] { grow(vcpu_0_, 0, 1); });
    EXPECT_EQ(counter_.counts().operations, 1U);
    EXPECT_THAT(counter_.counts().counts, IsEmpty());
}

TEST_F(StretchCounterTest, AStretchThatIsOpenDoesNotCount) {
    empty([] {});
    operation([] {});
    EXPECT_EQ(mark(StretchMark::begin_operation), std::nullopt);
    grow(vcpu_0_, 0, 7);
    EXPECT_EQ(counter_.counts().operations, 1U);
    EXPECT_THAT(counter_.counts().counts, IsEmpty());
}

TEST_F(StretchCounterTest, WrongMarksAreRefused) {
    EXPECT_THAT(mark(StretchMark::end_empty), Optional(HasSubstr("did not begin")));
    EXPECT_THAT(mark(StretchMark::end_operation), Optional(HasSubstr("did not begin")));
    EXPECT_EQ(mark(StretchMark::begin_empty), std::nullopt);
    EXPECT_THAT(mark(StretchMark::begin_empty), Optional(HasSubstr("inside another")));
    EXPECT_THAT(mark(StretchMark::begin_operation), Optional(HasSubstr("inside another")));
    EXPECT_THAT(mark(StretchMark::end_operation), Optional(HasSubstr("did not begin")));
    for (const std::uint32_t value : {4U, 0x100U, 0xFFFF'FFFFU}) {
        EXPECT_THAT(counter_.mark(value), Optional(HasSubstr("no mark"))) << value;
    }
    EXPECT_EQ(counter_.counts().empty, 0U);
}

TEST(StretchCounterAlone, ChecksMarksWithoutCounters) {
    StretchCounter counter;
    EXPECT_FALSE(counter.has_counters());
    EXPECT_EQ(counter.mark(static_cast<std::uint32_t>(StretchMark::begin_empty)), std::nullopt);
    EXPECT_EQ(counter.mark(static_cast<std::uint32_t>(StretchMark::end_empty)), std::nullopt);
    EXPECT_NE(counter.mark(static_cast<std::uint32_t>(StretchMark::end_empty)), std::nullopt);
    EXPECT_EQ(counter.counts().empty, 1U);
}

TEST_F(StretchCounterTest, VcpusThatMarkAtOnceDoNoHarm) {
    // Which marks are refused is a matter of chance; each stretch that ends is counted once. None
    // waits for another: one that comes while another is at it is refused.
    std::atomic<std::uint64_t> ended = 0;
    {
        std::vector<std::jthread> vcpus;
        vcpus.reserve(4);
        for (int n = 0; n < 4; ++n) {
            vcpus.emplace_back([&] {
                for (int round = 0; round < 1000; ++round) {
                    static_cast<void>(mark(StretchMark::begin_operation));
                    ended += mark(StretchMark::end_operation) ? 0 : 1;
                }
            });
        }
    }
    EXPECT_EQ(counter_.counts().operations, ended.load());
}

}  // namespace
}  // namespace nestbed::vmm
