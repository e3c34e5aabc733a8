#include "vmm/result/measurements.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

namespace nestbed::vmm {

namespace {

using stats::Histogram;

double standard_deviation(const Histogram& histogram) {
    // Of equal values the buckets' middles would make a spread of the resolution.
    if (histogram.count() == 0 || histogram.min() == histogram.max()) {
        return 0;
    }
    const auto mean = static_cast<double>(histogram.mean());
    double squares = 0;
    for (std::size_t bucket = 0; bucket < Histogram::bucket_count; ++bucket) {
        const double distance = static_cast<double>(Histogram::middle_of(bucket)) - mean;
        squares += distance * distance * static_cast<double>(histogram.count_in(bucket));
    }
    return std::sqrt(squares / static_cast<double>(histogram.count()));
}

/// Between the values of its bucket by its rank: buckets are 1/64 wide, and a ratio of two medians
/// would jump by as much. 0 of no values.
double fine_median_of(const Histogram& histogram) {
    if (histogram.count() == 0) {
        return 0;
    }
    const std::size_t bucket = Histogram::bucket_of(histogram.quantile(50, 100));
    double rank = static_cast<double>(histogram.count()) / 2;
    for (std::size_t below = 0; below < bucket; ++below) {
        rank -= static_cast<double>(histogram.count_in(below));
    }
    const double share = rank / static_cast<double>(histogram.count_in(bucket));
    return std::clamp(static_cast<double>(Histogram::lowest_of(bucket)) +
                          static_cast<double>(Histogram::width_of(bucket)) * share,
                      static_cast<double>(histogram.min()), static_cast<double>(histogram.max()));
}

}  // namespace

Distribution distribution_of(const Histogram& histogram) {
    Distribution result{.count = histogram.count(),
                        .mean = histogram.mean(),
                        .stddev = standard_deviation(histogram)};
    if (histogram.count() != 0) {
        for (const Percentile& one : percentiles) {
            result.*one.value = histogram.quantile(one.thousandths, 1000);
        }
    }
    return result;
}

std::optional<std::uint64_t> borne(const Distribution& distribution, const Percentile& percentile) {
    // One sample beyond it, on the side that has fewer.
    const std::uint64_t beyond = std::min(percentile.thousandths, 1000 - percentile.thousandths);
    const std::uint64_t least = beyond == 0 ? 1 : 1000 / beyond;
    return distribution.count < least ? std::nullopt
                                      : std::optional(distribution.*percentile.value);
}

std::string id_of(const TestResult& test, const MeasurementEvent& measurement) {
    std::string id = test.study.empty()
                         ? fmt::format("{}/{}", test.full_name(), measurement.name)
                         : fmt::format("{}/{}/{}", test.study, test.point_id, measurement.name);
    std::vector<std::string> more;
    if (test.study.empty()) {
        for (const auto& [name, value] : test.parameters) {
            more.push_back(fmt::format("{}={}", name, value));
        }
    }
    for (const MeasurementParameter& one : measurement.parameters) {
        const bool known = one.is_outcome || std::ranges::count(test.inputs, one.name,
                                                                &MeasurementParameter::name) != 0;
        if (!known) {
            more.push_back(
                std::visit([&](const auto& value) { return fmt::format("{}={}", one.name, value); },
                           one.value));
        }
    }
    return more.empty() ? id : fmt::format("{}[{}]", id, fmt::join(more, ","));
}

const MeasurementEvent* measurement_named(const TestResult& test, std::string_view name) {
    const auto found = std::ranges::find(test.measurements, name, &MeasurementEvent::name);
    return found == test.measurements.end() ? nullptr : &*found;
}

const MeasurementParameter* parameter_named(const MeasurementEvent& measurement,
                                            std::string_view name) {
    const auto found = std::ranges::find(measurement.parameters, name, &MeasurementParameter::name);
    return found == measurement.parameters.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> number_named(const MeasurementEvent& measurement,
                                          std::string_view name) {
    const MeasurementParameter* found = parameter_named(measurement, name);
    const auto* number = found == nullptr ? nullptr : std::get_if<std::uint64_t>(&found->value);
    return number == nullptr ? std::nullopt : std::optional(*number);
}

std::optional<double> median_of(const TestResult& test, std::string_view name,
                                std::string_view per) {
    const MeasurementEvent* found = measurement_named(test, name);
    if (found == nullptr || found->histogram.count() == 0) {
        return std::nullopt;
    }
    const std::uint64_t pieces = per.empty() ? 1 : number_named(*found, per).value_or(0);
    const auto median = static_cast<double>(found->histogram.quantile(50, 100));
    return pieces == 0 ? std::nullopt : std::optional(median / static_cast<double>(pieces));
}

std::optional<double> ratio_of_medians(const TestResult& test, std::string_view measured,
                                       std::string_view floor) {
    const MeasurementEvent* above = measurement_named(test, measured);
    const MeasurementEvent* below = measurement_named(test, floor);
    if (above == nullptr || below == nullptr) {
        return std::nullopt;
    }
    const double median = fine_median_of(below->histogram);
    return median == 0 ? std::nullopt : std::optional(fine_median_of(above->histogram) / median);
}

}  // namespace nestbed::vmm
