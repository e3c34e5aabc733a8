// The fault ladder as text: a row for each rung, and what KVM did for it.
#pragma once

#include <string>
#include <vector>

#include "shared/fault/rung.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

struct FaultResult {
    fault::Rung rung;
    TestResult test;
};

/// With the ratio of each median to that of `hit`, if that is among them.
std::string fault_table(const std::vector<FaultResult>& results);

}  // namespace nestbed::vmm
