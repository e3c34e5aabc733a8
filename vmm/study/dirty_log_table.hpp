// What `nestbed measure dirty-log` prints: a row for each combination with the time that each phase
// took, and a line for each combination that has no row.
#pragma once

#include <string>
#include <vector>

#include "vmm/result/test_result.hpp"
#include "vmm/study/dirty_log_combination.hpp"

namespace nestbed::vmm {

/// `tests` are of the first combinations, as many as there are.
std::string dirty_log_table(const std::vector<DirtyLogCombination>& combinations,
                            const std::vector<TestResult>& tests);

}  // namespace nestbed::vmm
