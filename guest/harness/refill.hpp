// What an invalidation really costs: the instruction, and the walks that refill the TLB afterwards.
#pragma once

#include <cstdint>

#include "guest/kernel/address_space.hpp"
#include "guest/kernel/flush.hpp"

namespace nestbed::guest {

/// Pages that user mode reads in turn, with one leaf table.
class WorkingSet {
  public:
    static constexpr std::uint64_t pages = paging::entries_per_table;

    /// Maps them, in a space of its own, and loads it on the calling CPU. Panics without memory.
    WorkingSet();
    ~WorkingSet();
    WorkingSet(const WorkingSet&) = delete;
    WorkingSet& operator=(const WorkingSet&) = delete;

    /// The cycles that it takes to carry out the request for the first `count` pages, in kernel
    /// mode, and then to read every page of the set once, in user mode. All pages are in the TLB
    /// before, as far as it holds so many.
    std::uint64_t invalidate_and_read(std::uint64_t count, const FlushPolicy& policy);

  private:
    AddressSpace space_;
};

}  // namespace nestbed::guest
