#include "vmm/result/distribution.hpp"

#include <algorithm>
#include <cmath>

namespace nestbed::vmm {

namespace {

double standard_deviation(const stats::Histogram& histogram, double mean) {
    double squares = 0;
    for (std::size_t bucket = 0; bucket < stats::Histogram::bucket_count; ++bucket) {
        if (const std::uint64_t count = histogram.count_in(bucket)) {
            const double distance = static_cast<double>(stats::Histogram::middle_of(bucket)) - mean;
            squares += distance * distance * static_cast<double>(count);
        }
    }
    return std::sqrt(squares / static_cast<double>(histogram.count()));
}

}  // namespace

double fine_median_of(const stats::Histogram& histogram) {
    const double half = static_cast<double>(histogram.count()) / 2;
    double below = 0;
    for (std::size_t bucket = 0; bucket < stats::Histogram::bucket_count; ++bucket) {
        const auto here = static_cast<double>(histogram.count_in(bucket));
        if (here != 0 && below + here >= half) {
            const double median =
                static_cast<double>(stats::Histogram::lowest_of(bucket)) +
                static_cast<double>(stats::Histogram::width_of(bucket)) * (half - below) / here;
            return std::clamp(median, static_cast<double>(histogram.min()),
                              static_cast<double>(histogram.max()));
        }
        below += here;
    }
    return 0;
}

Distribution distribution_of(const stats::Histogram& histogram) {
    Distribution result;
    if (histogram.count() == 0) {
        return result;
    }
    result.count = histogram.count();
    result.min = histogram.min();
    result.mean = histogram.mean();
    result.p50 = histogram.quantile(50, 100);
    result.p90 = histogram.quantile(90, 100);
    result.p99 = histogram.quantile(99, 100);
    result.p999 = histogram.quantile(999, 1000);
    result.max = histogram.max();
    // All values equal: the buckets' middles would make a spread of the resolution.
    result.stddev = result.min == result.max
                        ? 0
                        : standard_deviation(histogram, static_cast<double>(result.mean));
    return result;
}

}  // namespace nestbed::vmm
