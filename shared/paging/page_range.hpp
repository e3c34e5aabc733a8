#pragma once

#include <cstdint>

#include "address.hpp"
#include "page.hpp"
#include "page_size.hpp"
#include "result.hpp"

namespace nestbed::paging {

/// Consecutive pages of one size; perhaps none.
struct PageRange {
    /// The first byte, aligned to `size`.
    VirtAddr start{};
    std::uint64_t pages = 0;
    PageSize size = PageSize::size_4k;

    template <PageSize page_size>
    static constexpr PageRange of(Page<page_size> first, std::uint64_t count = 1) {
        return {first.address(), count, page_size};
    }

    /// The pages of this size that `bytes` bytes from `start` on are made of. Errors: `unaligned`
    /// (either is not a multiple of the size), `out_of_range` (beyond the last 64-bit address).
    static constexpr Result<PageRange> from(VirtAddr start, std::uint64_t bytes,
                                            PageSize size = PageSize::size_4k) {
        if (((start.raw() | bytes) & offset_mask_of(size)) != 0) {
            return Error{.kind = ErrorKind::unaligned, .virt = start};
        }
        const PageRange range{start, bytes >> shift_of(size), size};
        if (!range.is_addressable()) {
            return Error{.kind = ErrorKind::out_of_range, .virt = start};
        }
        return range;
    }

    constexpr bool empty() const { return pages == 0; }

    /// Whether its size in bytes, and the addresses of all of them, fit in 64 bits.
    constexpr bool is_addressable() const {
        constexpr std::uint64_t greatest = ~std::uint64_t{0};
        return empty() || (pages <= greatest >> shift_of(size) &&
                           pages - 1 <= (greatest - start.raw()) >> shift_of(size));
    }

    /// The size in bytes.
    constexpr std::uint64_t bytes() const { return pages << shift_of(size); }

    /// The last byte of a range that is not empty; no range ends at an address that does not exist.
    constexpr VirtAddr last() const { return start + (bytes() - 1); }

    /// Calls `function(address)` with each page's first byte.
    template <typename Function>
    constexpr void for_each(Function&& function) const {
        for (std::uint64_t n = 0; n < pages; ++n) {
            function(start + n * bytes_of(size));
        }
    }

    friend constexpr bool operator==(const PageRange&, const PageRange&) = default;
};

/// The canonical addresses from 0 up: by custom the user's.
constexpr PageRange lower_half(LinearWidth width) {
    const unsigned bits = static_cast<unsigned>(width) - 1;
    return {VirtAddr(0), std::uint64_t{1} << (bits - shift_of(PageSize::size_4k))};
}

/// The canonical addresses up to the last: by custom the kernel's.
constexpr PageRange upper_half(LinearWidth width) {
    const std::uint64_t bytes = lower_half(width).bytes();
    return {VirtAddr(~(bytes - 1)), lower_half(width).pages};
}

}  // namespace nestbed::paging
