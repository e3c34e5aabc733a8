#include "vmm/result/measurements.hpp"

#include <algorithm>

#include "vmm/result/distribution.hpp"

namespace nestbed::vmm {

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
