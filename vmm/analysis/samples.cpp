#include "vmm/analysis/samples.hpp"

#include <algorithm>
#include <numeric>

namespace nestbed::vmm {

using stats::Histogram;

Quantiles::Quantiles(const Histogram& histogram, double scale)
    : count_(static_cast<double>(histogram.count())) {
    const auto least = static_cast<double>(histogram.min());
    const auto greatest = static_cast<double>(histogram.max());
    double below = 0;
    for (std::size_t bucket = 0; bucket < Histogram::bucket_count; ++bucket) {
        if (const std::uint64_t found = histogram.count_in(bucket); found != 0) {
            const auto count = static_cast<double>(found);
            const auto first = static_cast<double>(Histogram::lowest_of(bucket));
            const double last = first + static_cast<double>(Histogram::width_of(bucket) - 1);
            steps_.push_back(
                {below, count, std::max(first, least) * scale, std::min(last, greatest) * scale});
            below += count;
        }
    }
}

double Quantiles::at(double share) const {
    const double rank = share * count_;
    const auto after = std::ranges::upper_bound(steps_, rank, {}, &Step::below);
    const Step& step = *std::prev(after);
    const double part = std::min((rank - step.below) / step.count, 1.0);
    return step.first + (step.last - step.first) * part;
}

std::vector<double> medians_of(const Samples& samples) {
    std::vector<double> medians;
    for (const Histogram* histogram : samples.repetitions) {
        medians.push_back(Quantiles(*histogram, samples.scale).at(0.5));
    }
    return medians;
}

double mean_of(const std::vector<double>& numbers) {
    return std::accumulate(numbers.begin(), numbers.end(), 0.0) /
           static_cast<double>(numbers.size());
}

Ranks::Ranks(const Samples& samples) : scale_(samples.scale) {
    const auto repetitions = static_cast<double>(samples.repetitions.size());
    for (const Histogram* histogram : samples.repetitions) {
        const double weight = 1 / (repetitions * static_cast<double>(histogram->count()));
        double below = 0;
        for (std::size_t bucket = 0; bucket < Histogram::bucket_count; ++bucket) {
            below += static_cast<double>(histogram->count_in(bucket));
            below_[bucket + 1] += below * weight;
        }
    }
}

double Ranks::share_below(double value) const {
    constexpr double end = 0x1p64;
    const double recorded = value / scale_;
    if (recorded >= end) {
        return 1;
    }
    const std::size_t bucket = Histogram::bucket_of(static_cast<std::uint64_t>(recorded));
    const double part = (recorded - static_cast<double>(Histogram::lowest_of(bucket))) /
                        static_cast<double>(Histogram::width_of(bucket));
    return below_[bucket] + (below_[bucket + 1] - below_[bucket]) * part;
}

}  // namespace nestbed::vmm
