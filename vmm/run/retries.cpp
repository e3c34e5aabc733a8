#include "vmm/run/retries.hpp"

#include <utility>

namespace nestbed::vmm {

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
        result = std::move(again);
    }
    return result;
}

}  // namespace nestbed::vmm
