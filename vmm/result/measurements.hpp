// Finding a test's measurements and their parameters by name, and the medians of their samples.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// The first of that name; null if there is none.
const MeasurementEvent* measurement_named(const TestResult& test, std::string_view name);

/// Null if there is none.
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
