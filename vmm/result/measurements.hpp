// A test's measurements: found by name, and the figures of their samples.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// The figures of a histogram that reports show; all 0 of an empty one.
struct Distribution {
    std::uint64_t count = 0;
    std::uint64_t min = 0;
    std::uint64_t mean = 0;
    std::uint64_t p25 = 0;
    std::uint64_t p50 = 0;
    std::uint64_t p75 = 0;
    std::uint64_t p90 = 0;
    std::uint64_t p99 = 0;
    std::uint64_t p999 = 0;
    std::uint64_t max = 0;
    double stddev = 0;  ///< of the buckets' middles: within the histogram's resolution
};

Distribution distribution_of(const stats::Histogram& histogram);

/// A share of the samples, in thousandths, that is not above the figure.
struct Percentile {
    const char* name;
    std::uint64_t Distribution::*value;
    std::uint64_t thousandths;
};

inline constexpr std::array percentiles{
    Percentile{"min", &Distribution::min, 0},     Percentile{"p25", &Distribution::p25, 250},
    Percentile{"p50", &Distribution::p50, 500},   Percentile{"p75", &Distribution::p75, 750},
    Percentile{"p90", &Distribution::p90, 900},   Percentile{"p99", &Distribution::p99, 990},
    Percentile{"p999", &Distribution::p999, 999}, Percentile{"max", &Distribution::max, 1000}};

/// Nothing if the samples are too few to bear it: of 50, none need lie above the 99th percentile.
std::optional<std::uint64_t> borne(const Distribution& distribution, const Percentile& percentile);

/// Cycles of a time-stamp counter of `tsc_khz`, which is not 0, in seconds and in µs.
constexpr double seconds(double cycles, std::uint64_t tsc_khz) {
    return cycles / 1000 / static_cast<double>(tsc_khz);
}
constexpr double microseconds(double cycles, std::uint64_t tsc_khz) {
    return cycles * 1000 / static_cast<double>(tsc_khz);
}

/// What a measurement is of, without what it has found: the same in every run and on every host.
/// "shootdown/cpus=2,pages=1,target=user/bare ipi round trip"; of a test that no study has run,
/// "suite.name/measurement". What the guest alone knows of it stands in brackets behind.
std::string id_of(const TestResult& test, const MeasurementEvent& measurement);

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
