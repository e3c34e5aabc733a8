// What makes a test's verdict.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "vmm/machine/exit_table.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// Sets the verdict and its reason. A measurement counts only together with its proof: one with
/// violations, or that claims a proof and has checked nothing, is a failure. So is to end without
/// the one named `expected`, unless that is empty.
void judge(TestResult& result, const Outcome& outcome, const std::string& expected);

/// The objection to parameters given from outside that no test has looked up, if there are any:
/// likely a misspelt name, and the run not the one that was asked for. None if a test has failed,
/// which may not have come to it.
std::optional<Error> objection_to_parameters(std::span<const TestResult> tests);

}  // namespace nestbed::vmm
