#pragma once

#include <cstdint>

namespace nestbed::paging {

/// The sizes a leaf entry can map. The value of an enumerator is log2 of its size in bytes.
///
/// Intel SDM Vol. 3A 4.5.4 "Linear-Address Translation with 4-Level Paging and 5-Level Paging".
enum class PageSize : std::uint8_t {
    size_4k = 12,
    size_2m = 21,
    size_1g = 30,
};

/// log2 of the size in bytes: the number of address bits that are the offset in the page.
constexpr unsigned shift_of(PageSize size) { return static_cast<unsigned>(size); }

/// The size in bytes.
constexpr std::uint64_t bytes_of(PageSize size) { return std::uint64_t{1} << shift_of(size); }

/// The mask of the address bits that are the offset in the page.
constexpr std::uint64_t offset_mask_of(PageSize size) { return bytes_of(size) - 1; }

}  // namespace nestbed::paging
