#include "vmm/run/retries.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "shared/channel/panic_report.hpp"

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
    attempt.sub_results.left_out += attempt.sub_results.all.size();
    attempt.sub_results.all = {};
}

bool met_second_delivery(const Attempt& attempt) {
    return attempt.reason.starts_with(std::string("panic: ") + channel::interrupt_while_off);
}

bool may_run_again(const TestResult& failed, const Retries& retries) {
    const bool met_one = met_second_delivery(failed) ||
                         std::ranges::any_of(failed.failed_attempts, met_second_delivery);
    return failed.failed_attempts.size() <
           retries.asked_for + (retries.interrupts_come_twice && met_one ? 1 : 0);
}

}  // namespace

TestResult run_with_retries(const Retries& retries, const std::function<TestResult()>& run_once) {
    TestResult result = run_once();
    while (result.verdict == Verdict::failed && !result.interrupted &&
           may_run_again(result, retries)) {
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
