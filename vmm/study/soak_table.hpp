// What `nestbed measure shootdown --soak` prints: how much was done, and what was seen of it.
#pragma once

#include <string>
#include <vector>

#include "vmm/study/shootdown_combination.hpp"

namespace nestbed::vmm {

/// A row for each soak that counted anything, also if it failed: violations and stale reads that
/// are legal stand apart. Below, a line for each one that did not pass.
std::string soak_table(const std::vector<ShootdownResult>& results);

}  // namespace nestbed::vmm
