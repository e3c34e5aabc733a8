// The figures of a histogram that reports show.
#pragma once

#include <cstdint>

#include "shared/stats/histogram.hpp"

namespace nestbed::vmm {

struct Distribution {
    std::uint64_t count = 0;
    std::uint64_t min = 0;  ///< 0 if there are no values, as all others then
    std::uint64_t mean = 0;
    std::uint64_t p50 = 0;
    std::uint64_t p90 = 0;
    std::uint64_t p99 = 0;
    std::uint64_t p999 = 0;
    std::uint64_t max = 0;
    double stddev = 0;  ///< of the buckets' middles: within the histogram's resolution
};

/// Between the values of its bucket by its rank: buckets are 1/64 wide, and a ratio of two medians
/// would jump by as much. 0 of no values.
double fine_median_of(const stats::Histogram& histogram);

Distribution distribution_of(const stats::Histogram& histogram);

/// Cycles of a time-stamp counter of `tsc_khz`, which is not 0, in µs.
constexpr double microseconds(double cycles, std::uint64_t tsc_khz) {
    return cycles * 1000 / static_cast<double>(tsc_khz);
}

}  // namespace nestbed::vmm
