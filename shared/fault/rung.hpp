// The rungs of the fault ladder: what must happen before an access to a page can complete. Each is
// measured as one store to one page from a guest's user mode.
#pragma once

#include <array>
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
    dirty_bitmap,       ///< its writes are logged in a bitmap, and this is the first
    dirty_ring,         ///< the same, in a dirty ring
    log_ended,          ///< its writes were logged until just now, and it was not written
    moved,              ///< its memslot was moved away and back
    read_only,          ///< its memslot is read-only: the VMM drops the store
    paged_out,          ///< it is in the host's swap
    userfault_missing,  ///< the host has no page, and a thread of the VMM is to bring one in
    userfault_minor,    ///< the host has the page, and a thread of the VMM is to map it
};

inline constexpr std::array names{
    "hit",         "guest-fault",       "guest-upgrade",   "unmapped",
    "unpopulated", "zero-page-upgrade", "discarded",       "dirty-bitmap",
    "dirty-ring",  "log-ended",         "moved",           "read-only",
    "paged-out",   "userfault-missing", "userfault-minor",
};

inline constexpr std::uint64_t rung_count = names.size();
static_assert(rung_count == static_cast<std::uint64_t>(Rung::userfault_minor) + 1);

constexpr const char* name_of(Rung rung) {
    const auto number = static_cast<std::uint64_t>(rung);
    return number < rung_count ? names[number] : "?";
}

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
inline constexpr std::uint64_t max_samples = 4096;

/// Stores beside the samples, over which KVM's counts are taken.
inline constexpr std::uint64_t counted_stores = 16;

/// How often the memslot is moved away and back in `moved`.
inline constexpr std::uint64_t trips = 32;

}  // namespace nestbed::fault
