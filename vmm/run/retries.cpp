#include "vmm/run/retries.hpp"

#include <utility>

namespace nestbed::vmm {

namespace {

/// Keeps what it was, and not all that it wrote: there may be a thousand of them.
void leave_out_most(Attempt& attempt) {
    attempt.log_left_out += attempt.log.size();
    attempt.log = {};
    if (attempt.failures.size() > 1) {
        attempt.failures_left_out += attempt.failures.size() - 1;
        attempt.failures.resize(1);
        attempt.failures.shrink_to_fit();
    }
    attempt.measurements = {};
}

}  // namespace

TestResult run_with_retries(std::uint64_t retries, const std::function<TestResult()>& run_once) {
    TestResult result = run_once();
    while (result.verdict == Verdict::failed && !result.interrupted &&
           result.failed_attempts.size() < retries) {
        TestResult again = run_once();
        if (again.interrupted || again.verdict == Verdict::skipped) {
            result.retry_interrupted = again.interrupted;
            break;
        }
        again.failed_attempts = std::move(result.failed_attempts);
        again.failed_attempts.emplace_back(std::move(result));
        if (again.failed_attempts.size() > whole_failed_attempts) {
            leave_out_most(again.failed_attempts.back());
        }
        result = std::move(again);
    }
    return result;
}

}  // namespace nestbed::vmm
