// Changing leaf entries by stores from user mode.
//
// Where kernel mode is interpreted, KVM sees each of its stores to a page table and takes the old
// translation away on all CPUs by itself: nothing could stay stale, and no missing invalidation
// could ever be noticed. Stores from user mode reach memory behind its back, as every store does on
// hardware.
#pragma once

#include <array>
#include <cstdint>

#include "guest/kernel/address_space.hpp"

namespace nestbed::guest {

/// Shows one leaf table of an address space to user mode, at `window`.
class PageTableWindow {
  public:
    /// The leaf table that maps `page`, all of whose tables exist; `window` is not mapped. Panics
    /// if it cannot be shown.
    PageTableWindow(AddressSpace& space, paging::Page4k page, paging::Page4k window);

    /// An entry, by the number that is bits 20:12 of the addresses that it maps.
    std::uint64_t entry(std::uint64_t index) const;

    /// Stores `count` entries from number 0 on, in user mode, and returns the cycles that this took
    /// there. The space must be loaded. One CPU at a time; others wait with interrupts on. Plain
    /// stores of whole entries: accessed and dirty of those that they replace are lost, for which
    /// nobody who stores here asks.
    std::uint64_t store(const std::array<std::uint64_t, paging::entries_per_table>& entries,
                        std::uint64_t count) const;

    /// Stores one entry in kernel mode, as a mapper does.
    void store_from_kernel(std::uint64_t index, std::uint64_t entry) const;

    /// What user mode sees on this CPU if it reads the word at `address`, stores `entry` as number
    /// `index`, and reads again without any invalidation.
    std::uint64_t read_after_store(std::uint64_t address, std::uint64_t index,
                                   std::uint64_t entry) const;

  private:
    paging::Frame4k table_;
    paging::Page4k window_;
};

}  // namespace nestbed::guest
