// What a pointer chase is measured under, and how that stands in tables and messages.
#pragma once

#include <cstdint>
#include <string>

#include "shared/chase/chase.hpp"
#include "shared/paging/page_size.hpp"
#include "vmm/memory/backing.hpp"

namespace nestbed::vmm {

struct WalkCombination {
    paging::PageSize guest_leaf = paging::PageSize::size_4k;
    Backing backing = Backing::anon;
    std::uint64_t working_set = 1 << 20;  ///< bytes, a multiple of 4 KiB
    chase::Pattern pattern = chase::Pattern::random;
    std::uint32_t cpus = 1;

    std::uint64_t pages() const { return working_set / chase::page_bytes; }

    /// In words.
    std::string text() const;
};

/// "4k", "2m", "1g".
const char* leaf_name(paging::PageSize size);

}  // namespace nestbed::vmm
