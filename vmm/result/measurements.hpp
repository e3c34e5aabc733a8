// Finding a test's measurements by name.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// The first of that name; null if there is none.
const MeasurementEvent* measurement_named(const TestResult& test, std::string_view name);

/// A parameter that is a number.
std::optional<std::uint64_t> number_named(const MeasurementEvent& measurement,
                                          std::string_view name);

}  // namespace nestbed::vmm
