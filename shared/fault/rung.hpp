// The rungs of the fault ladder: what must happen before an access to a page can complete. Each is
// measured as one store to one page from a guest's user mode.
#pragma once

#include <cstdint>

namespace nestbed::fault {

enum class Rung : std::uint64_t {
    hit,                ///< nothing: the page is mapped everywhere
    guest_fault,        ///< the guest's PTE is not present; the guest's handler skips the store
    guest_upgrade,      ///< the guest's PTE is read-only; the guest's handler sets R/W
    unmapped,           ///< the host has the page, but the second stage does not map it
    unpopulated,        ///< the host has no page yet
    zero_page_upgrade,  ///< it was read before, so that the host's zero page is mapped read-only
    discarded,          ///< it was written before, and the host has given it back since
};

inline constexpr std::uint64_t rung_count = 7;

constexpr const char* name_of(Rung rung) {
    switch (rung) {
        case Rung::hit:
            return "hit";
        case Rung::guest_fault:
            return "guest-fault";
        case Rung::guest_upgrade:
            return "guest-upgrade";
        case Rung::unmapped:
            return "unmapped";
        case Rung::unpopulated:
            return "unpopulated";
        case Rung::zero_page_upgrade:
            return "zero-page-upgrade";
        case Rung::discarded:
            return "discarded";
    }
    return "?";
}

/// Samples of a rung, at most.
inline constexpr std::uint64_t max_samples = 4096;

/// Stores beside the samples, over which KVM's counts are taken.
inline constexpr std::uint64_t counted_stores = 16;

}  // namespace nestbed::fault
