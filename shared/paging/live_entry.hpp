#pragma once

#include <cstdint>
#include <type_traits>

#include "bits.hpp"

/// Accesses to one entry of a table that processors may be walking.
///
/// A page walk reads an entry as one 8-byte load at any moment, and sets its accessed and dirty
/// bits with a locked read-modify-write (Intel SDM Vol. 3A 4.8 "Accessed and Dirty Flags", 8.1.2.1
/// "Automatic Locking"). So software must write whole entries, and must replace a present leaf by
/// an atomic exchange or compare-exchange: between a plain load and a plain store the processor
/// could set the dirty bit, and the store would lose it and with it the page's last write.
///
/// During constant evaluation there is no other walker and the accesses are plain. The compilers'
/// builtins stand in for `std::atomic_ref`, since `<atomic>` of libstdc++ 12 does not compile with
/// Clang 14 and -mgeneral-regs-only.
namespace nestbed::paging {

/// The entry as it is now. Acquire, for software that looks without the writers' lock: it finds the
/// table that the entry leads to as it was when the entry was stored.
constexpr std::uint64_t load_entry(const std::uint64_t& slot) {
    if (std::is_constant_evaluated()) {
        return slot;
    }
    return __atomic_load_n(&slot, __ATOMIC_ACQUIRE);
}

/// Replaces an entry that the processor cannot be writing to: one that is not present, since only
/// present entries get accessed and dirty bits. Release: a table that the entry makes reachable
/// must be seen filled by whoever sees the entry.
constexpr void store_entry(std::uint64_t& slot, std::uint64_t raw) {
    if (std::is_constant_evaluated()) {
        slot = raw;
        return;
    }
    __atomic_store_n(&slot, raw, __ATOMIC_RELEASE);
}

/// Replaces an entry and returns it with the accessed and dirty bits it had at that instant.
constexpr std::uint64_t exchange_entry(std::uint64_t& slot, std::uint64_t raw) {
    if (std::is_constant_evaluated()) {
        const std::uint64_t old = slot;
        slot = raw;
        return old;
    }
    return __atomic_exchange_n(&slot, raw, __ATOMIC_ACQ_REL);
}

/// Replaces the entry if it is still `expected`; otherwise loads it into `expected` and says false.
constexpr bool compare_exchange_entry(std::uint64_t& slot, std::uint64_t& expected,
                                      std::uint64_t raw) {
    if (std::is_constant_evaluated()) {
        if (slot != expected) {
            expected = slot;
            return false;
        }
        slot = raw;
        return true;
    }
    return __atomic_compare_exchange_n(&slot, &expected, raw, /*weak=*/false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_RELAXED);
}

/// Sets bits of an entry and keeps what the processor sets in it meanwhile. Release, as for
/// `store_entry`.
constexpr void set_entry_bits(std::uint64_t& slot, std::uint64_t mask) {
    if (std::is_constant_evaluated()) {
        slot |= mask;
        return;
    }
    __atomic_fetch_or(&slot, mask, __ATOMIC_RELEASE);
}

/// Clears bits of an entry, likewise. Relaxed: it makes nothing reachable, and the invalidation
/// that the caller owes comes with its own order.
constexpr void clear_entry_bits(std::uint64_t& slot, std::uint64_t mask) {
    if (std::is_constant_evaluated()) {
        slot &= ~mask;
        return;
    }
    __atomic_fetch_and(&slot, ~mask, __ATOMIC_RELAXED);
}

/// Makes an entry not present and keeps its other bits, but never all zero: an entry of nothing but
/// the present bit becomes accessed, to be told from a free one. The processor changes nothing in
/// it any more.
constexpr void detach_entry(std::uint64_t& slot) {
    std::uint64_t raw = load_entry(slot);
    std::uint64_t detached = 0;
    do {
        detached = raw & ~bits::present;
        if (detached == 0) {
            detached = bits::accessed;
        }
        // If it fails, the processor has set accessed or dirty meanwhile.
    } while (!compare_exchange_entry(slot, raw, detached));
}

static_assert(__atomic_always_lock_free(sizeof(std::uint64_t), nullptr));

}  // namespace nestbed::paging
