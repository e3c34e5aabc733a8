// The rungs of the fault ladder: what must happen before an access to a page can complete. Each is
// measured as one store to one page from a guest's user mode.
#pragma once

#include <cstdint>

#include "values.hpp"

namespace nestbed::study {

enum class Rung : std::uint64_t {
    hit,
    guest_fault,
    guest_upgrade,
    unmapped,
    unpopulated,
    zero_page_upgrade,
    discarded,
    dirty_bitmap,
    dirty_ring,
    log_ended,
    moved,
    read_only,
    paged_out,
    userfault_missing,
    userfault_minor,
};

template <>
inline constexpr std::array values_of<Rung>{
    Value{Rung::hit, "hit", "nothing is missing"},
    Value{Rung::guest_fault, "guest-fault",
          "the guest's PTE is not present; its handler skips the store"},
    Value{Rung::guest_upgrade, "guest-upgrade",
          "the guest's PTE is read-only; its handler makes it writable"},
    Value{Rung::unmapped, "unmapped", "the host has the page, the second stage does not map it"},
    Value{Rung::unpopulated, "unpopulated", "the host has no page"},
    Value{Rung::zero_page_upgrade, "zero-page-upgrade",
          "it has been read only: the host's zero page stands there"},
    Value{Rung::discarded, "discarded", "it was written to, and the host has given it back since"},
    Value{Rung::dirty_bitmap, "dirty-bitmap", "the first write since KVM logs writes, in a bitmap"},
    Value{Rung::dirty_ring, "dirty-ring", "the same, in a dirty ring"},
    Value{Rung::log_ended, "log-ended", "the first write since KVM no longer logs them"},
    Value{Rung::moved, "moved", "the memslot was moved away and back while a vCPU read"},
    Value{Rung::read_only, "read-only", "the memslot is read-only: the VMM drops the write"},
    Value{Rung::paged_out, "paged-out", "the page is in the host's swap"},
    Value{Rung::userfault_missing, "userfault-missing",
          "there is no page, and a thread of the VMM brings one in"},
    Value{Rung::userfault_minor, "userfault-minor",
          "the page is there, and a thread of the VMM maps it (memory files)"},
};

/// Whether each page is written to before its store, and still has that at the end.
constexpr bool is_planted(Rung rung) {
    switch (rung) {
        case Rung::unmapped:
        case Rung::unpopulated:
        case Rung::zero_page_upgrade:
        case Rung::discarded:
        case Rung::userfault_missing:
            return false;
        default:
            return true;
    }
}

/// Whether the store arrives.
constexpr bool is_stored(Rung rung) { return rung != Rung::guest_fault && rung != Rung::read_only; }

/// Samples of a rung, at most.
inline constexpr std::uint64_t max_fault_samples = 4096;

/// Stores beside the samples, over which KVM's counts are taken.
inline constexpr std::uint64_t counted_stores = 16;

/// How often the memslot is moved away and back in `moved`.
inline constexpr std::uint64_t memslot_trips = 32;

}  // namespace nestbed::study
