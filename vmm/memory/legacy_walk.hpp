// A model of how the processor translates a linear address with 32-bit and with PAE paging, as the
// entry library has one of the modes of 64-bit guests. It reads tables from memory only: also the
// four PDPTEs of PAE paging, which a processor has in registers since CR3 was loaded. Their
// reserved bits it checked then, so that they are no fault of a walk.
//
// SDM Vol. 3A 4.3 "32-Bit Paging", 4.4 "PAE Paging".
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "shared/arch/page_fault.hpp"
#include "shared/paging/access.hpp"
#include "shared/paging/address.hpp"
#include "shared/paging/entry_format.hpp"
#include "shared/paging/level.hpp"
#include "shared/paging/permission.hpp"
#include "shared/paging/walk.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/memory/paging_state.hpp"

namespace nestbed::vmm {

/// What an entry says in its mode.
struct LegacyEntry {
    paging::EntryKind kind;
    std::uint64_t address;   ///< of the table or the page
    std::uint64_t flags;     ///< the bits of `raw`, less the address, that mean something here
    std::uint64_t reserved;  ///< the bits set that must not be
    paging::Permission permission;
};

struct LegacyStep {
    paging::Level level;
    std::size_t index;
    paging::PhysAddr place;
    std::uint64_t raw;
    LegacyEntry entry;
};

struct LegacyWalk {
    paging::WalkOutcome outcome;      ///< not non_canonical: every address of 32 bits is
    std::vector<LegacyStep> trace{};  ///< one at least
    // Where it is translated:
    paging::PhysAddr address{};  ///< of the byte itself
    paging::Permission permission{};
    // Where it is a page fault:
    arch::PageFaultError error{};
};

/// `paging` is of one of these two modes; of `state` counts what they know.
LegacyWalk legacy_walk(const GuestMemory& memory, const PagingState& paging, std::uint32_t linear,
                       paging::Access access, const paging::ControlState& state);

}  // namespace nestbed::vmm
