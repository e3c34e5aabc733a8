#include "vmm/run/kept_results.hpp"

#include <algorithm>
#include <utility>

namespace nestbed::vmm {

void KeptResults::add(TestResult result) {
    if (until_fail_ && !has_failed_ && is_whole()) {
        before_ = std::exchange(now_, TestResults());
        ++passed_before_;
    }
    has_failed_ = has_failed_ || result.verdict == Verdict::failed;
    now_.push_back(std::move(result));
}

bool KeptResults::are_all_skipped() const {
    return until_fail_ && is_whole() && std::ranges::all_of(now_, [](const TestResult& result) {
               return result.verdict == Verdict::skipped;
           });
}

bool KeptResults::leave_out_the_last_repetition() const {
    return passed_before_ != 0 && !has_failed_ && !is_whole();
}

void KeptResults::move_to(RunReport& report) {
    if (until_fail_) {
        report.passed_repetitions = passed_before_ + (!has_failed_ && is_whole() ? 1 : 0);
    }
    report.tests = std::move(leave_out_the_last_repetition() ? before_ : now_);
}

}  // namespace nestbed::vmm
