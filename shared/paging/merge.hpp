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
#include "page.hpp"
#include "required_rights.hpp"
#include "result.hpp"
#include "table_tree.hpp"

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

/// `Mapper::merge` up to the moment when the table of the page's parts is detached, for a page
/// within the mapper's bounds. Returns the large leaf that is to take its place.
template <TableWindow Window, TableFrameSource Source, PageSize Size>
constexpr Result<std::uint64_t> detach_parts(const TableTree<Window, Source>& tree,
                                             Page<Size> page) {
    constexpr Level leaf_level = leaf_level_of(Size);
    const VirtAddr address = page.address();
    const Descent found = tree.template descend<leaf_level>(address, RequiredRights());
    if (found.slot == nullptr || kind_of(found.level, found.raw) != EntryKind::table) {
        return tree.obstacle(found, address, Level::pt);
    }
    const Frame4k table = *TableEntry(found.raw).next_table();
    std::uint64_t* entries = tree.window()(table);
    if (entries == nullptr) {
        return tree.obstacle({.raw = table.address().raw(), .level = below(leaf_level)}, address,
                             leaf_level);
    }
    const std::optional<std::uint64_t> leaf = merged_leaf(leaf_level, entries);
    if (!leaf) {
        return Error{.kind = ErrorKind::not_mergeable, .level = leaf_level, .virt = address};
    }
    if (!tree.template encodable<Size>(*leaf)) {
        return tree.refusal(address, leaf_level, *leaf);
    }
    if (!RequiredRights(Flags::of_leaf(Size, *leaf)).granted_by(found.raw)) {
        return tree.obstacle(found, address, Level::pt);
    }
    detach_entry(*found.slot);
    return *leaf;
}

}  // namespace nestbed::paging
