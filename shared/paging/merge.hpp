#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "bits.hpp"
#include "entry_format.hpp"
#include "flags.hpp"
#include "leaf.hpp"
#include "level.hpp"
#include "live_entry.hpp"

namespace nestbed::paging {

/// The bits of a leaf that processors set by themselves.
inline constexpr std::uint64_t processor_bits = bits::accessed | bits::dirty;

/// The one large leaf of `level` that maps what all entries of a live table below map together, not
/// accessed and not dirty; nothing if there is none: a page is missing, the frames are not
/// consecutive or not aligned, or the pages differ in anything else than accessed and dirty.
constexpr std::optional<std::uint64_t> merged_leaf(Level level, const std::uint64_t* entries) {
    const PageSize size = leaf_size_of(level);
    const Level smaller = below(level);
    const std::uint64_t first = load_entry(entries[0]) & ~processor_bits;
    if (kind_of(smaller, first) != EntryKind::leaf ||
        !PhysAddr(first & bits::leaf_frame(leaf_size_of(smaller))).is_aligned(size)) {
        return std::nullopt;
    }
    const Flags flags = Flags::of_leaf(leaf_size_of(smaller), first);
    const std::uint64_t kept = first & ~Flags::leaf_mask(leaf_size_of(smaller));
    const std::uint64_t merged = kept | flags.to_leaf(size);
    for (std::size_t i = 0; i < entries_per_table; ++i) {
        if ((load_entry(entries[i]) & ~processor_bits) != part_of_leaf(level, merged, i)) {
            return std::nullopt;
        }
    }
    return merged;
}

/// The accessed and dirty bits that any entry of a detached table has, all entries zero afterwards.
constexpr std::uint64_t take_processor_bits(std::uint64_t* entries) {
    std::uint64_t found = 0;
    for (std::size_t i = 0; i < entries_per_table; ++i) {
        found |= entries[i] & processor_bits;
        entries[i] = 0;
    }
    return found;
}

}  // namespace nestbed::paging
