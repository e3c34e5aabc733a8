// A failed test is run again: if it passes then, it is flaky.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// Of a test's failed attempts the first ones are kept whole: each may have written tens of
/// megabytes. Of the others there is no log, no measurement, and one failure.
inline constexpr std::size_t whole_failed_attempts = 3;

/// What `run_once` returns, which is called up to `retries` times more while the test fails. The
/// failures before the last one are among the result's failed attempts. Only a pass undoes a
/// failure: of a test that is skipped or interrupted when it is run again, the failure counts.
TestResult run_with_retries(std::uint64_t retries, const std::function<TestResult()>& run_once);

}  // namespace nestbed::vmm
