// A test's result in JSON and back. Its measurements stand apart from it (json_measurement.hpp), in
// a list of their own.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

nlohmann::ordered_json json_of(const Error& error);
nlohmann::ordered_json json_of(const TestResult& test);

/// Those of a test that was run again. Throws as below.
std::vector<Attempt> failed_attempts_in(const nlohmann::ordered_json& attempts);

/// What became `test` and, of its own, `measurements`; the same JSON would become of it again, but
/// for what a study says of measurements (relate()) and for errors, which it has not. Throws a
/// nlohmann::json::exception or Error(input) for what is none.
TestResult test_result_in(const nlohmann::ordered_json& test,
                          const nlohmann::ordered_json& measurements);

}  // namespace nestbed::vmm
