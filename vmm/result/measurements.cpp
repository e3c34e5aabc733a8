#include "vmm/result/measurements.hpp"

#include <algorithm>

namespace nestbed::vmm {

const MeasurementEvent* measurement_named(const TestResult& test, std::string_view name) {
    const auto found = std::ranges::find(test.measurements, name, &MeasurementEvent::name);
    return found == test.measurements.end() ? nullptr : &*found;
}

std::optional<std::uint64_t> number_named(const MeasurementEvent& measurement,
                                          std::string_view name) {
    const auto parameter =
        std::ranges::find(measurement.parameters, name, &MeasurementParameter::name);
    if (parameter == measurement.parameters.end() ||
        !std::holds_alternative<std::uint64_t>(parameter->value)) {
        return std::nullopt;
    }
    return std::get<std::uint64_t>(parameter->value);
}

}  // namespace nestbed::vmm
