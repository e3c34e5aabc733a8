#include "vmm/run/retries.hpp"

#include <utility>

namespace nestbed::vmm {

namespace {

FailedAttempt attempt_of(TestResult result) {
    return {std::move(result.reason),   std::move(result.error), result.seconds,
            std::move(result.failures), std::move(result.log),   std::move(result.diagnosis)};
}

}  // namespace

TestResult run_with_retries(std::uint64_t retries, const std::function<TestResult()>& run_once) {
    TestResult result = run_once();
    while (result.verdict == Verdict::failed && !result.interrupted &&
           result.failed_attempts.size() < retries) {
        TestResult again = run_once();
        if (again.interrupted || again.verdict == Verdict::skipped) {
            break;
        }
        again.failed_attempts = std::move(result.failed_attempts);
        again.failed_attempts.push_back(attempt_of(std::move(result)));
        result = std::move(again);
    }
    return result;
}

}  // namespace nestbed::vmm
