// A failed test is run again: if it passes then, it is flaky.
#pragma once

#include <cstdint>
#include <functional>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// What `run_once` returns, which is called up to `retries` times more while the test fails. The
/// failures before the last one are among the result's failed attempts. Only a pass undoes a
/// failure: of a test that is skipped or interrupted when it is run again, the failure counts.
TestResult run_with_retries(std::uint64_t retries, const std::function<TestResult()>& run_once);

}  // namespace nestbed::vmm
