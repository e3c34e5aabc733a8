// What `nestbed measure shootdown` prints: one table, and a line for each combination that has no
// row.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/shootdown/protocol_names.hpp"
#include "shared/shootdown/target_state.hpp"
#include "vmm/report/result.hpp"

namespace nestbed::vmm {

struct ShootdownCombination {
    shootdown::ProtocolId protocol;
    std::uint32_t cpus;
    std::uint64_t pages;
    shootdown::TargetState target;

    std::string text() const;
};

struct ShootdownResult {
    ShootdownCombination combination;
    TestResult test;
};

/// A latency counts only with its proof: a combination whose test failed has no row.
std::string shootdown_table(const std::vector<ShootdownResult>& results);

}  // namespace nestbed::vmm
