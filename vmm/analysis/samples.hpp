// Samples of one thing, as histograms, and what they say of quantiles and ranks.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "shared/stats/histogram.hpp"

namespace nestbed::vmm {

/// A histogram for each repetition: at least one, and none of them empty.
struct Samples {
    std::vector<const stats::Histogram*> repetitions;
    double scale = 1;  ///< what a recorded 1 is in the unit that all figures have: ns of a cycle

    bool repeated() const { return repetitions.size() > 1; }
};

/// The quantiles of one histogram.
class Quantiles {
  public:
    Quantiles(const stats::Histogram& histogram, double scale);

    /// The value that this share of the samples does not exceed. Those of a bucket are taken to lie
    /// evenly in it: a median would jump by 1/32 else.
    double at(double share) const;

    double count() const { return count_; }

  private:
    /// A bucket with samples, as far as it lies between the least one of all and the greatest.
    struct Step {
        double below;  ///< samples in the buckets before
        double count;
        double first;
        double last;
    };
    std::vector<Step> steps_;
    double count_;
};

/// Of each repetition.
std::vector<double> medians_of(const Samples& samples);

/// Of one number or more.
double mean_of(const std::vector<double>& numbers);

/// The ranks among all samples of one side, of which each repetition weighs as much as another.
class Ranks {
  public:
    explicit Ranks(const Samples& samples);

    /// The share of the samples that are less than `value`. Of those in its bucket it is the half
    /// for the middle of that bucket, as ties have it in a rank test.
    double share_below(double value) const;

  private:
    double scale_;
    /// Than the least value of each bucket; than any of the last one.
    std::array<double, stats::Histogram::bucket_count + 1> below_{};
};

/// Calls `visit(value, count)` with the middle of each bucket that has samples.
template <typename Visit>
void for_each_value(const stats::Histogram& histogram, double scale, const Visit& visit) {
    for (std::size_t bucket = 0; bucket < stats::Histogram::bucket_count; ++bucket) {
        if (const std::uint64_t count = histogram.count_in(bucket); count != 0) {
            const double half = static_cast<double>(stats::Histogram::width_of(bucket)) / 2;
            const auto lowest = static_cast<double>(stats::Histogram::lowest_of(bucket));
            visit((lowest + half) * scale, static_cast<double>(count));
        }
    }
}

}  // namespace nestbed::vmm
