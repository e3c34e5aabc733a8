#include "vmm/run/retries.hpp"

#include <utility>

namespace nestbed::vmm {

namespace {

FailedAttempt attempt_of(TestResult result) {
    return {.reason = std::move(result.reason),
            .error = std::move(result.error),
            .seconds = result.seconds,
            .failures = std::move(result.failures),
            .failures_left_out = result.failures_left_out,
            .log = std::move(result.log),
            .log_left_out = result.log_left_out,
            .diagnosis = std::move(result.diagnosis)};
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
        again.failed_attempts.push_back(attempt_of(std::move(result)));
        result = std::move(again);
    }
    return result;
}

}  // namespace nestbed::vmm
