// What a shootdown is measured under, and how that stands in tables and messages.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shared/shootdown/flush_primitive.hpp"
#include "shared/shootdown/initiator_spaces.hpp"
#include "shared/shootdown/protocol_names.hpp"
#include "shared/shootdown/routing.hpp"
#include "shared/shootdown/target_state.hpp"
#include "vmm/render/table.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

struct ShootdownCombination {
    shootdown::ProtocolId protocol = shootdown::ProtocolId::global;
    std::uint32_t cpus = 2;  ///< the initiators included
    std::uint64_t pages = 1;
    shootdown::TargetState target = shootdown::TargetState::user;
    shootdown::Routing routing = shootdown::Routing::unicast;
    shootdown::FlushPrimitive flush = shootdown::FlushPrimitive::invlpg;
    std::uint32_t initiators = 1;
    shootdown::InitiatorSpaces spaces = shootdown::InitiatorSpaces::same;

    /// In words: protocol, vCPUs, pages and target, and what else is not as by default.
    std::string text() const;
};

struct ShootdownResult {
    ShootdownCombination combination;
    TestResult test;
};

/// The leading columns of a table with a row for each combination. Protocol, vCPUs, pages and
/// target always are among them; another axis is if some row is not at its default.
class CombinationColumns {
  public:
    explicit CombinationColumns(const std::vector<ShootdownCombination>& rows);

    std::vector<Table::Column> columns() const;
    std::vector<std::string> cells(const ShootdownCombination& combination) const;

  private:
    std::vector<std::size_t> shown_;  ///< indices of axes
};

}  // namespace nestbed::vmm
