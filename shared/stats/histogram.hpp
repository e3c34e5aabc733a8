#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace nestbed::stats {

/// A histogram of 64-bit values, usually time stamp cycles, with a relative error of at most 1/64.
///
/// Buckets are log-linear: values below 32 have one each; above, every power of two is cut into 32
/// equal buckets, and a bucket stands for its middle. Counts are 64 bits wide, so nothing
/// overflows; the sum is 128 bits wide.
///
/// An object whose bytes are all zero is an empty histogram, so one in .bss costs no space in the
/// program and no construction. A guest records, and the host reads a copy of its memory: the
/// layout is fixed. Not thread-safe: one histogram per recording CPU, then `merge`.
class Histogram {
  public:
    static constexpr unsigned sub_bucket_bits = 5;
    static constexpr std::size_t sub_buckets = std::size_t{1} << sub_bucket_bits;
    static constexpr std::size_t bucket_count = (64 - sub_bucket_bits + 1) * sub_buckets;

    /// Counts one value.
    constexpr void record(std::uint64_t value) {
        counts_[bucket_of(value)] += 1;
        count_ += 1;
        add_to_sum(value, 0);
        if (value > max_) {
            max_ = value;
        }
        if (~value > inverted_min_) {
            inverted_min_ = ~value;
        }
    }

    /// What a report has kept of a histogram: all that there is to know of it.
    struct Parts {
        std::uint64_t min = 0;
        std::uint64_t max = 0;
        std::uint64_t sum_low = 0;
        std::uint64_t sum_high = 0;
    };
    /// An empty one with those parts, whose counts are to be added. Ask `is_consistent` then.
    static constexpr Histogram of(const Parts& parts) {
        Histogram histogram;
        histogram.inverted_min_ = ~parts.min;
        histogram.max_ = parts.max;
        histogram.sum_low_ = parts.sum_low;
        histogram.sum_high_ = parts.sum_high;
        return histogram;
    }
    constexpr void add_count(std::size_t bucket, std::uint64_t count) {
        counts_[bucket] += count;
        count_ += count;
    }

    /// Counts all that `other` has counted.
    constexpr void merge(const Histogram& other) {
        for (std::size_t i = 0; i < bucket_count; ++i) {
            counts_[i] += other.counts_[i];
        }
        count_ += other.count_;
        add_to_sum(other.sum_low_, other.sum_high_);
        max_ = other.max_ > max_ ? other.max_ : max_;
        inverted_min_ = other.inverted_min_ > inverted_min_ ? other.inverted_min_ : inverted_min_;
    }

    /// How many values were recorded.
    constexpr std::uint64_t count() const { return count_; }
    /// The least value, exact; all ones if empty.
    constexpr std::uint64_t min() const { return ~inverted_min_; }
    /// The greatest value, exact; 0 if empty.
    constexpr std::uint64_t max() const { return max_; }
    /// The exact sum of all values, as its lower and upper 64 bits.
    constexpr std::uint64_t sum_low() const { return sum_low_; }
    constexpr std::uint64_t sum_high() const { return sum_high_; }

    /// The mean, rounded down; 0 if empty. For the host: a guest lacks the division it takes.
    constexpr std::uint64_t mean() const {
        const Uint128 sum = (Uint128{sum_high_} << 64) + sum_low_;
        return count_ == 0 ? 0 : static_cast<std::uint64_t>(sum / count_);
    }

    /// The value that `numerator` / `denominator` of all values do not exceed, within 1/64 of it;
    /// `quantile(99, 100)` is the 99th percentile. 0 if empty. A fraction of 0 means the least
    /// value, one above 1 the greatest. `denominator` is not 0, and the product of the two fits 64
    /// bits.
    constexpr std::uint64_t quantile(std::uint64_t numerator, std::uint64_t denominator) const {
        if (count_ == 0) {
            return 0;
        }
        if (numerator == 0) {
            return min();
        }
        if (numerator >= denominator) {
            return max_;
        }
        const std::uint64_t rank = rank_of(numerator, denominator);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < bucket_count; ++i) {
            seen += counts_[i];
            if (seen >= rank) {
                return clamp(middle_of(i));
            }
        }
        return max_;
    }

    /// The bucket that a value is counted in: below `bucket_count`.
    static constexpr std::size_t bucket_of(std::uint64_t value) {
        // Setting the bit of the first cut power makes all smaller values share its shift of 0,
        // which spares the branch between the linear part and the rest.
        const auto log2 = static_cast<unsigned>(std::bit_width(value | sub_buckets)) - 1;
        const unsigned shift = log2 - sub_bucket_bits;
        return (std::size_t{shift} << sub_bucket_bits) + static_cast<std::size_t>(value >> shift);
    }

    /// The least value counted in a bucket.
    static constexpr std::uint64_t lowest_of(std::size_t bucket) {
        if (bucket < sub_buckets) {
            return bucket;
        }
        return (sub_buckets + bucket % sub_buckets) << shift_of(bucket);
    }

    /// How many different values are counted in a bucket.
    static constexpr std::uint64_t width_of(std::size_t bucket) {
        return bucket < sub_buckets ? 1 : std::uint64_t{1} << shift_of(bucket);
    }

    /// The value that a bucket stands for.
    static constexpr std::uint64_t middle_of(std::size_t bucket) {
        return lowest_of(bucket) + width_of(bucket) / 2;
    }

    /// How many values were counted in a bucket, below `bucket_count`.
    constexpr std::uint64_t count_in(std::size_t bucket) const { return counts_[bucket]; }

    /// Whether the parts agree with each other, as they do in a histogram that was only recorded to
    /// and merged. The host asks this of a copy from a guest before it uses it.
    constexpr bool is_consistent() const {
        std::uint64_t total = 0;
        std::size_t first = bucket_count;
        std::size_t last = 0;
        for (std::size_t i = 0; i < bucket_count; ++i) {
            if (counts_[i] == 0) {
                continue;
            }
            total += counts_[i];
            if (total < counts_[i]) {
                return false;
            }
            first = first == bucket_count ? i : first;
            last = i;
        }
        if (total != count_) {
            return false;
        }
        if (count_ == 0) {
            return sum_low_ == 0 && sum_high_ == 0 && max_ == 0 && inverted_min_ == 0;
        }
        const Uint128 sum = (Uint128{sum_high_} << 64) + sum_low_;
        return bucket_of(min()) == first && bucket_of(max()) == last && min() <= max() &&
               sum >= Uint128{min()} * count_ && sum <= Uint128{max()} * count_;
    }

  private:
    __extension__ using Uint128 = unsigned __int128;

    static constexpr unsigned shift_of(std::size_t bucket) {
        return static_cast<unsigned>(bucket / sub_buckets) - 1;
    }

    constexpr void add_to_sum(std::uint64_t low, std::uint64_t high) {
        sum_low_ += low;
        sum_high_ += high + (sum_low_ < low ? 1 : 0);
    }

    /// How many values the fraction of `count_` is, rounded up and at least one, without a product
    /// that could overflow.
    constexpr std::uint64_t rank_of(std::uint64_t numerator, std::uint64_t denominator) const {
        const std::uint64_t whole = count_ / denominator * numerator;
        const std::uint64_t rest = count_ % denominator * numerator;
        const std::uint64_t rank = whole + rest / denominator + (rest % denominator != 0 ? 1 : 0);
        return rank == 0 ? 1 : rank;
    }

    constexpr std::uint64_t clamp(std::uint64_t value) const {
        if (value < min()) {
            return min();
        }
        return value > max_ ? max_ : value;
    }

    std::uint64_t count_ = 0;
    std::uint64_t sum_low_ = 0;
    std::uint64_t sum_high_ = 0;
    std::uint64_t max_ = 0;
    // Kept inverted, so that zero bytes mean that there is no least value yet.
    std::uint64_t inverted_min_ = 0;
    std::uint64_t counts_[bucket_count] = {};
};

static_assert(std::is_trivially_copyable_v<Histogram> && std::is_standard_layout_v<Histogram>);
static_assert(Histogram::bucket_count == 1920);
static_assert(sizeof(Histogram) == (5 + 1920) * sizeof(std::uint64_t));
static_assert(Histogram::bucket_of(~std::uint64_t{0}) == Histogram::bucket_count - 1);

}  // namespace nestbed::stats
