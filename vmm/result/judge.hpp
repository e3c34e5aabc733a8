// What makes a test's verdict.
#pragma once

#include <optional>
#include <string>

#include "vmm/machine/exit_table.hpp"
#include "vmm/result/test_results.hpp"

namespace nestbed::vmm {

/// What a test owes that has come to its end and was not skipped.
struct Expected {
    std::string measurement = {};  ///< one of that name; empty: any or none
    bool proof = false;            ///< with the first of its measurements
};

/// Sets the verdict and its reason. A measurement counts only together with its proof: one with
/// violations, that has no samples, or that claims a proof and has checked nothing, is a failure.
void judge(TestResult& result, const Outcome& outcome, const Expected& expected);

/// The same of a guest that is not ours, by its exit_value.
void judge_exit(TestResult& result, const Outcome& outcome);

/// The objection to parameters given from outside that no test has looked up, if there are any:
/// likely a misspelt name, and the run not the one that was asked for. None if a test has failed,
/// which may not have come to it.
std::optional<Error> objection_to_parameters(const TestResults& tests);

}  // namespace nestbed::vmm
