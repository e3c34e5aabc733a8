// A measurement in JSON: one shape for every study, and for tests that no study has run. The fields
// are defined in docs/results.md.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "vmm/result/measurements.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

nlohmann::ordered_json json_of(const TestResult& test, const MeasurementEvent& measurement);

/// Null for what the samples are too few to bear.
nlohmann::ordered_json json_of(const Distribution& distribution);
nlohmann::ordered_json json_of(const stats::Histogram& histogram);

/// Of names and values.
std::vector<MeasurementParameter> parameters_in(const nlohmann::ordered_json& json,
                                                bool is_outcome);

/// Adds what became `json`, and the counts of KVM's that stand with it, to its test.
void add_measurement_in(const nlohmann::ordered_json& json, TestResult& test);

/// The histogram of what became `measurement`. Throws a nlohmann::json::exception for what is no
/// measurement, Error(input) for one that contradicts itself.
stats::Histogram histogram_in(const nlohmann::ordered_json& measurement);

}  // namespace nestbed::vmm
