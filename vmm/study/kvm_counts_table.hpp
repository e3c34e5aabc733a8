// What KVM did for an operation, by its own counters, beside what the operation cost.
#pragma once

#include <string>
#include <vector>

#include "vmm/render/table.hpp"
#include "vmm/services/region_counter.hpp"

namespace nestbed::vmm {

struct KvmCountsRow {
    std::vector<std::string> leading;
    const KvmCounts* counts;
};

/// Those counters that say something and moved in some row, per operation: "shootdown". JSON has
/// all of them. Empty if there is nothing to show; if KVM does not show its counters, a line that
/// says so.
std::string kvm_counts_table(std::vector<Table::Column> leading,
                             const std::vector<KvmCountsRow>& rows, const std::string& operation);

}  // namespace nestbed::vmm
