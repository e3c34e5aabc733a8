// A test's measurements: found by name, and the figures of their samples.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// The figures of a histogram that reports show; all 0 of an empty one.
struct Distribution {
    std::uint64_t count = 0;
    std::uint64_t min = 0;
    std::uint64_t mean = 0;
    std::uint64_t p50 = 0;
    std::uint64_t p90 = 0;
    std::uint64_t p99 = 0;
    std::uint64_t p999 = 0;
    std::uint64_t max = 0;
    double stddev = 0;  ///< of the buckets' middles: within the histogram's resolution
};

Distribution distribution_of(const stats::Histogram& histogram);

/// Cycles of a time-stamp counter of `tsc_khz`, which is not 0, in µs.
constexpr double microseconds(double cycles, std::uint64_t tsc_khz) {
    return cycles * 1000 / static_cast<double>(tsc_khz);
}

/// The first of that name; null if there is none.
const MeasurementEvent* measurement_named(const TestResult& test, std::string_view name);
const MeasurementParameter* parameter_named(const MeasurementEvent& measurement,
                                            std::string_view name);

/// A parameter that is a number.
std::optional<std::uint64_t> number_named(const MeasurementEvent& measurement,
                                          std::string_view name);

/// The median sample of a test's measurement, over what a sample is made of so many of as the
/// measurement's parameter `per` says: of one, if that is empty. Nothing without any of them.
std::optional<double> median_of(const TestResult& test, std::string_view name,
                                std::string_view per = {});

/// The median of a test's measurement over that of another one of the same run; nothing without
/// both.
std::optional<double> ratio_of_medians(const TestResult& test, std::string_view measured,
                                       std::string_view floor);

}  // namespace nestbed::vmm
