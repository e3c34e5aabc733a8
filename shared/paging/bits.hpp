#pragma once

#include <cstdint>

#include "address.hpp"
#include "level.hpp"
#include "page_size.hpp"

/// The bits of the entries of 4-level and 5-level paging, as masks of the 64-bit entry.
///
/// Intel SDM Vol. 3A 4.5.5 "Format of Paging-Structure Entries" tables "Format of a ... Entry";
/// AMD APM Vol. 2 5.4 "Page-Translation-Table Entry Fields".
namespace nestbed::paging::bits {

/// The mask of the bits `low` to `high`, both included; empty if `low` is above `high`.
constexpr std::uint64_t range(unsigned low, unsigned high) {
    if (low > high) {
        return 0;
    }
    const std::uint64_t up_to_high = (std::uint64_t{2} << high) - 1;
    return up_to_high & ~((std::uint64_t{1} << low) - 1);
}

inline constexpr std::uint64_t present = range(0, 0);
inline constexpr std::uint64_t writable = range(1, 1);
inline constexpr std::uint64_t user = range(2, 2);
inline constexpr std::uint64_t write_through = range(3, 3);
inline constexpr std::uint64_t cache_disable = range(4, 4);
inline constexpr std::uint64_t accessed = range(5, 5);
/// In leaf entries; ignored in table entries.
inline constexpr std::uint64_t dirty = range(6, 6);
/// PS, at PDPT and PD: a leaf if set. The same bit is the PAT bit of a 4 KiB leaf, and reserved
/// above the PDPT.
inline constexpr std::uint64_t page_size = range(7, 7);
inline constexpr std::uint64_t pat_4k = page_size;
/// In leaf entries; ignored in table entries, or reserved (see `EntryFormat`).
inline constexpr std::uint64_t global = range(8, 8);
/// The PAT bit of a 2 MiB or 1 GiB leaf, the lowest address bit of every other entry.
inline constexpr std::uint64_t pat_large = range(12, 12);
/// Bits 11:9, free for software; with HLAT paging bit 11 is `hlat_restart`.
inline constexpr std::uint64_t available_low = range(9, 11);
inline constexpr unsigned available_low_shift = 9;
inline constexpr std::uint64_t hlat_restart = range(11, 11);
/// Bits 58:52, free for software.
inline constexpr std::uint64_t available_high = range(52, 58);
inline constexpr unsigned available_high_shift = 52;
/// Bits 62:59, in leaf entries; ignored in table entries.
inline constexpr std::uint64_t protection_key = range(59, 62);
inline constexpr unsigned protection_key_shift = 59;
/// XD (Intel) or NX (AMD); reserved if EFER.NXE = 0.
inline constexpr std::uint64_t no_execute = range(63, 63);

/// The address field of a table entry.
inline constexpr std::uint64_t table_frame = range(12, architectural_physical_bits - 1);

/// The address field of a leaf that maps this size. It starts at the size's own shift, so neither
/// the PAT bit of a large leaf nor the reserved bits above it can be taken for the address.
constexpr std::uint64_t leaf_frame(PageSize size) {
    return range(shift_of(size), architectural_physical_bits - 1);
}

/// The address field of a raw entry of this level, in the form that PS gives it, present or not.
constexpr std::uint64_t frame_field(Level level, std::uint64_t raw) {
    const bool large = can_be_table(level) && can_be_leaf(level) && (raw & page_size) != 0;
    return large ? leaf_frame(leaf_size_of(level)) : table_frame;
}

/// The PAT bit of a leaf that maps this size.
constexpr std::uint64_t pat(PageSize size) {
    return size == PageSize::size_4k ? pat_4k : pat_large;
}

}  // namespace nestbed::paging::bits
