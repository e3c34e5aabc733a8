#include "shared/stats/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <random>
#include <vector>

namespace nestbed::stats {
namespace {

constexpr std::uint64_t largest = std::numeric_limits<std::uint64_t>::max();

TEST(Histogram, ZeroBytesAreAnEmptyOne) {
    const auto histogram = std::make_unique<Histogram>();
    std::vector<unsigned char> zero(sizeof(Histogram));
    EXPECT_EQ(std::memcmp(histogram.get(), zero.data(), zero.size()), 0);
    EXPECT_TRUE(histogram->is_consistent());
    EXPECT_EQ(histogram->count(), 0u);
    EXPECT_EQ(histogram->max(), 0u);
    EXPECT_EQ(histogram->mean(), 0u);
    EXPECT_EQ(histogram->quantile(1, 2), 0u);
}

TEST(Histogram, WorksDuringConstantEvaluation) {
    constexpr bool works = [] {
        Histogram histogram;
        histogram.record(7);
        histogram.record(9);
        return histogram.count() == 2 && histogram.min() == 7 && histogram.max() == 9 &&
               histogram.mean() == 8 && histogram.quantile(1, 2) == 7;
    }();
    static_assert(works);
}

TEST(Histogram, BucketsFollowOneAnotherWithoutGaps) {
    std::uint64_t next = 0;
    for (std::size_t bucket = 0; bucket < Histogram::bucket_count; ++bucket) {
        EXPECT_EQ(Histogram::lowest_of(bucket), next);
        EXPECT_EQ(Histogram::bucket_of(next), bucket);
        const std::uint64_t last = next + (Histogram::width_of(bucket) - 1);
        EXPECT_EQ(Histogram::bucket_of(last), bucket);
        const std::uint64_t middle = Histogram::middle_of(bucket);
        for (const std::uint64_t value : {next, last}) {
            const std::uint64_t error = value > middle ? value - middle : middle - value;
            EXPECT_LE(error, value / 64) << value;
        }
        next = last + 1;
    }
    EXPECT_EQ(next, 0u) << "the last bucket ends with the last value";
}

TEST(Histogram, QuantilesAreWithinOneSixtyFourth) {
    std::mt19937_64 random(7);
    for (const unsigned bits : {3u, 10u, 20u, 40u, 63u}) {
        auto histogram = std::make_unique<Histogram>();
        std::vector<std::uint64_t> values;
        for (int i = 0; i < 10'000; ++i) {
            const std::uint64_t value = random() >> (64 - bits) >> (random() % bits);
            histogram->record(value);
            values.push_back(value);
        }
        std::sort(values.begin(), values.end());
        EXPECT_EQ(histogram->min(), values.front());
        EXPECT_EQ(histogram->max(), values.back());
        EXPECT_TRUE(histogram->is_consistent());
        for (const std::uint64_t permille : {1ull, 10ull, 500ull, 900ull, 990ull, 999ull}) {
            const std::uint64_t exact = values[values.size() * permille / 1000 - 1];
            const std::uint64_t found = histogram->quantile(permille, 1000);
            const std::uint64_t error = found > exact ? found - exact : exact - found;
            EXPECT_LE(error, exact / 64) << permille;
        }
        EXPECT_EQ(histogram->quantile(1, 1), values.back());
        EXPECT_EQ(histogram->quantile(3, 2), values.back());
    }
}

TEST(Histogram, SumIsExactBeyond64Bits) {
    Histogram histogram;
    histogram.record(largest);
    histogram.record(largest);
    histogram.record(2);
    EXPECT_EQ(histogram.sum_low(), 0u);
    EXPECT_EQ(histogram.sum_high(), 2u);
    EXPECT_EQ(histogram.mean(), 12'297'829'382'473'034'410u) << "2^65 / 3";
    EXPECT_TRUE(histogram.is_consistent());
}

TEST(Histogram, MergeIsRecordingBoth) {
    Histogram left;
    Histogram right;
    Histogram both;
    std::mt19937_64 random(3);
    for (int i = 0; i < 1000; ++i) {
        const std::uint64_t value = random();
        (i % 3 == 0 ? left : right).record(value);
        both.record(value);
    }
    left.merge(right);
    EXPECT_EQ(std::memcmp(&left, &both, sizeof(Histogram)), 0);
    left.merge(Histogram());
    EXPECT_EQ(std::memcmp(&left, &both, sizeof(Histogram)), 0);
    Histogram empty;
    empty.merge(both);
    EXPECT_EQ(std::memcmp(&empty, &both, sizeof(Histogram)), 0);
}

/// A copy from a guest with one 64-bit word replaced.
bool is_consistent_with(const Histogram& good, std::size_t word, std::uint64_t value) {
    Histogram copy = good;
    std::memcpy(reinterpret_cast<unsigned char*>(&copy) + 8 * word, &value, 8);
    static_cast<void>(copy.quantile(99, 100));
    return copy.is_consistent();
}

TEST(Histogram, TamperedCopyIsFoundOut) {
    Histogram good;
    good.record(100);
    good.record(5000);
    ASSERT_TRUE(good.is_consistent());
    EXPECT_FALSE(is_consistent_with(good, 0, 3)) << "count";
    EXPECT_FALSE(is_consistent_with(good, 0, 0));
    EXPECT_FALSE(is_consistent_with(good, 1, 10'001)) << "sum above what the greatest allows";
    EXPECT_FALSE(is_consistent_with(good, 1, 199)) << "sum below what the least allows";
    EXPECT_FALSE(is_consistent_with(good, 2, 1));
    EXPECT_FALSE(is_consistent_with(good, 3, 90)) << "max in another bucket";
    EXPECT_FALSE(is_consistent_with(good, 4, ~std::uint64_t{6000})) << "min in another bucket";
    EXPECT_FALSE(is_consistent_with(good, 5, 1)) << "a bucket";
    EXPECT_FALSE(is_consistent_with(good, 5 + Histogram::bucket_of(100), largest));
    EXPECT_FALSE(is_consistent_with(Histogram(), 3, 1));
}

}  // namespace
}  // namespace nestbed::stats
