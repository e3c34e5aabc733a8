// What KVM did for a shootdown, by its own counters, beside what the shootdown cost.
#pragma once

#include <string>
#include <vector>

#include "vmm/report/shootdown_combination.hpp"

namespace nestbed::vmm {

/// A row for each combination, and those counters that say something of shootdowns and moved in
/// some row. JSON has all of them. Empty if there is nothing to show; if KVM does not show its
/// counters, a line that says so.
std::string kvm_counts_table(const std::vector<const ShootdownResult*>& results,
                             const CombinationColumns& axes);

}  // namespace nestbed::vmm
