// What `nestbed measure walk` prints: a row for each combination, the cost of a miss fitted to each
// curve, and a line for each combination that has no row.
#pragma once

#include <string>
#include <vector>

#include "vmm/study/walk_result.hpp"

namespace nestbed::vmm {

std::string walk_table(const std::vector<WalkResult>& results);

}  // namespace nestbed::vmm
