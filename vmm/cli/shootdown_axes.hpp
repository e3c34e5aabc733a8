// The axes of a shootdown measurement on the command line: their values by name, and what each
// value means.
#pragma once

#include <string>

#include "shared/shootdown/flush_primitive.hpp"
#include "shared/shootdown/initiator_spaces.hpp"
#include "shared/shootdown/protocol_names.hpp"
#include "shared/shootdown/routing.hpp"
#include "shared/shootdown/target_state.hpp"
#include "vmm/cli/named_values.hpp"

namespace nestbed::vmm {

/// What `--help` says of each axis, a line for each value.
std::string axes_help();

inline const auto all_protocols = all_of<shootdown::ProtocolId, shootdown::protocol_count>();
inline const auto all_targets = all_of<shootdown::TargetState, shootdown::target_state_count>();
inline const auto all_routings = all_of<shootdown::Routing, shootdown::routing_count>();
inline const auto all_flushes =
    all_of<shootdown::FlushPrimitive, shootdown::flush_primitive_count>();
inline const auto all_spaces =
    all_of<shootdown::InitiatorSpaces, shootdown::initiator_spaces_count>();

}  // namespace nestbed::vmm
