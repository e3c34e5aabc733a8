// Where experiments put their pages: a leaf table for each place, and a window that shows it.
#pragma once

#include <cstdint>

#include "shared/paging/page.hpp"

namespace nestbed::guest {

/// The first page of place number `place`, which has a leaf table to itself.
constexpr paging::Page4k first_page_of(std::uint32_t place) {
    constexpr std::uint64_t first = 0x4000'0000'0000;
    return paging::Page4k::containing(
        paging::VirtAddr(first + place * paging::bytes_of(paging::PageSize::size_2m)));
}

/// Where user mode sees that leaf table (PageTableWindow). Far from the first pages in bits 20:12,
/// too: in a TLB with one place for each such number, as an emulator's may be, a store through the
/// window would drop the very translation that is expected to stay stale.
constexpr paging::Page4k window_of(std::uint32_t place) {
    constexpr std::uint64_t first = 0x5000'001f'0000;
    return paging::Page4k::containing(
        paging::VirtAddr(first + place * paging::bytes_of(paging::PageSize::size_4k)));
}

}  // namespace nestbed::guest
