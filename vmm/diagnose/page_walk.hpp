// A page walk as text, level by level: what each entry is, where it leads, and how the walk ends.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "shared/paging/access.hpp"
#include "shared/paging/walk.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/memory/paging_state.hpp"

namespace nestbed::vmm {

/// What a raw entry of 4-level or 5-level paging says: "P W A -> table 0x5000", "P U NX -> 4 KiB
/// page 0x7000", "not present".
std::string entry_text(paging::Level level, std::uint64_t raw);

/// Walks the tables as they are in guest memory now; `reported` is what the processor said of the
/// same access. Lines, each with its end.
std::string show_walk(const GuestMemory& memory, const PagingState& paging, std::uint64_t address,
                      paging::Access access, const paging::ControlState& state,
                      std::optional<arch::PageFaultError> reported = std::nullopt);

}  // namespace nestbed::vmm
