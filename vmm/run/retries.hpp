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

/// How often a test that fails is run again.
struct Retries {
    std::uint64_t asked_for = 0;  ///< --retries
    /// Once more if it met what this host is known for
    /// (EmulatedMachine::delivers_interrupts_twice).
    bool interrupts_come_twice = false;
};

/// What `run_once` returns, which is called again while the test fails, as often as `retries`
/// allow. The failures before the last one are among the result's failed attempts. Only a pass
/// undoes a failure: of a test that is skipped or interrupted when it is run again, the failure
/// counts.
TestResult run_with_retries(const Retries& retries, const std::function<TestResult()>& run_once);

}  // namespace nestbed::vmm
