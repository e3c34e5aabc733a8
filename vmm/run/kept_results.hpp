// Which results of a run its report has.
#pragma once

#include <cstdint>

#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

/// All of them; or, of a run until a test fails, those of the repetition in which one did, or else
/// of the last whole one. What passed before is a number, so that nothing grows, however long the
/// run takes.
class KeptResults {
  public:
    /// `tests`: of each repetition.
    KeptResults(bool until_fail, std::uint64_t tests) : until_fail_(until_fail), tests_(tests) {}

    /// In the order of the plan.
    void add(TestResult result);

    /// True if a whole repetition of a run until a test fails has only skips: none will ever fail.
    bool are_all_skipped() const;

    /// True if the report is not whole without a test of that repetition.
    bool miss(std::uint64_t repetition) const {
        return !until_fail_ ||
               (!leave_out_the_last_repetition() && repetition == last_repetition());
    }
    bool miss_later_repetitions() const { return !until_fail_; }

    void move_to(RunReport& report);

  private:
    bool is_whole() const { return now_.size() >= tests_; }
    /// True if results of the repetition that ended the run are no part of the report.
    bool leave_out_the_last_repetition() const;
    std::uint64_t last_repetition() const { return now_.empty() ? 1 : now_.front().repetition; }

    bool until_fail_;
    std::uint64_t tests_;
    bool has_failed_ = false;
    TestResults now_;
    TestResults before_;  ///< the whole repetition before that
    std::uint64_t passed_before_ = 0;
};

}  // namespace nestbed::vmm
