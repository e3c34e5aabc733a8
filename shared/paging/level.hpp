#pragma once

#include <cstddef>
#include <cstdint>

#include "address.hpp"
#include "page_size.hpp"

namespace nestbed::paging {

/// A level of the paging structures, lowest first. The value counts levels from the bottom.
///
/// Intel SDM Vol. 3A 4.2 "Hierarchical Paging Structures: an Overview".
enum class Level : std::uint8_t {
    pt = 1,
    pd = 2,
    pdpt = 3,
    pml4 = 4,
    pml5 = 5,
};

/// The most levels a translation can have.
inline constexpr std::size_t max_levels = 5;

/// The entries in one paging structure: 9 address bits select one.
inline constexpr std::size_t entries_per_table = 512;

/// The bytes of one entry.
inline constexpr std::size_t entry_bytes = 8;

/// The number of the lowest linear-address bit that indexes the structure of this level.
constexpr unsigned index_shift_of(Level level) {
    return 12 + 9 * (static_cast<unsigned>(level) - 1);
}

/// The index, 0 to 511, of the entry that a linear address selects in the structure of this level.
constexpr std::size_t index_of(Level level, VirtAddr address) {
    return (address.raw() >> index_shift_of(level)) & (entries_per_table - 1);
}

/// The first linear address that is translated through the same entry of this level.
constexpr VirtAddr start_of(Level level, VirtAddr address) {
    return VirtAddr(address.raw() & ~((std::uint64_t{1} << index_shift_of(level)) - 1));
}

/// Whether an entry of this level can map a page itself.
constexpr bool can_be_leaf(Level level) { return level <= Level::pdpt; }

/// Whether an entry of this level can refer to a table of the level below.
constexpr bool can_be_table(Level level) { return level > Level::pt; }

/// The next level down. Undefined for the lowest, which `can_be_table` tells.
constexpr Level below(Level level) {
    return static_cast<Level>(static_cast<std::uint8_t>(level) - 1);
}

/// The next level up. Undefined for the highest.
constexpr Level above(Level level) {
    return static_cast<Level>(static_cast<std::uint8_t>(level) + 1);
}

/// The level whose leaf entries map pages of this size.
constexpr Level leaf_level_of(PageSize size) {
    return static_cast<Level>((shift_of(size) - 12) / 9 + 1);
}

/// The size that a leaf entry of this level maps; only for levels that can be a leaf.
constexpr PageSize leaf_size_of(Level level) {
    return static_cast<PageSize>(index_shift_of(level));
}

/// The level of the root table that translates linear addresses of this width.
constexpr Level root_level_of(LinearWidth width) {
    return width == LinearWidth::bits_57 ? Level::pml5 : Level::pml4;
}

static_assert(index_shift_of(Level::pt) == 12 && index_shift_of(Level::pml5) == 48);
static_assert(leaf_level_of(PageSize::size_4k) == Level::pt);
static_assert(leaf_level_of(PageSize::size_2m) == Level::pd);
static_assert(leaf_level_of(PageSize::size_1g) == Level::pdpt);
static_assert(leaf_size_of(Level::pdpt) == PageSize::size_1g);

}  // namespace nestbed::paging
