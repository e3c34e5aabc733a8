// A page walk of any paging mode, as a person reads it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "shared/arch/page_fault.hpp"
#include "shared/paging/access.hpp"
#include "shared/paging/level.hpp"
#include "shared/paging/permission.hpp"
#include "shared/paging/walk.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm {

struct ShownStep {
    paging::Level level;
    std::size_t index;
    std::uint64_t place;
    std::uint64_t raw;
    int digits;              ///< of `raw`
    std::string text;        ///< what it says
    std::string reserved;    ///< the bits set that must not be, by name
    bool has_rights = true;  ///< grants and refuses something
};

struct ShownWalk {
    paging::WalkOutcome outcome;
    std::vector<ShownStep> steps;
    // Where it is translated:
    std::uint64_t physical;
    const char* page;  ///< its size
    paging::Permission permission;
    // Where it is a page fault:
    arch::PageFaultError error;
};

struct NamedBits {
    std::uint64_t mask;
    std::string name;
};

/// "PS (bit 7), G (bit 8)": of each name of which a bit is in `reserved`, and the rest as a number.
std::string reserved_bits_text(std::uint64_t reserved, std::initializer_list<NamedBits> names);

/// Lines, each with its end. `reported` is what the processor said of the same access.
std::string text_of(const ShownWalk& walk, const GuestMemory& memory, paging::Access access,
                    const paging::ControlState& state,
                    std::optional<arch::PageFaultError> reported);

}  // namespace nestbed::vmm
