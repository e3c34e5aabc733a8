// A test's result as bytes: from the process of its VM to the one that reports it, and while it
// waits for its report.
#pragma once

#include <string>
#include <string_view>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

std::string bytes_of(const TestResult& result);

/// All that was put in. Throws Error(input) for what bytes_of() has not made: whoever sends it may
/// be in a guest's hands.
TestResult test_result_of(std::string_view bytes);

}  // namespace nestbed::vmm
