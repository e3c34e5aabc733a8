// What makes a test's verdict.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "vmm/machine/exit_table.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// What speaks for a verdict beside what is in the result.
struct Evidence {
    Outcome outcome;
    std::vector<std::string> channel_violations;
    std::optional<std::string> skip;  ///< the guest's reason
    std::string expected = {};        ///< a measurement that it was run for; empty: none
};

/// Sets the verdict and its reason. A measurement counts only together with its proof: one with
/// violations, or that claims a proof and has checked nothing, is a failure.
void judge(TestResult& result, const Evidence& evidence);

/// The objection to parameters given from outside that no test has looked up, if there are any:
/// likely a misspelt name, and the run not the one that was asked for. None if a test has failed,
/// which may not have come to it.
std::optional<Error> objection_to_parameters(std::span<const TestResult> tests);

}  // namespace nestbed::vmm
