#pragma once

#include <cstddef>
#include <cstdint>

#include "entry.hpp"
#include "entry_slice.hpp"
#include "frame.hpp"
#include "leaf.hpp"
#include "level.hpp"
#include "live_entry.hpp"
#include "page.hpp"
#include "required_rights.hpp"
#include "result.hpp"
#include "table_reserve.hpp"
#include "table_tree.hpp"

namespace nestbed::paging {

/// How many tables it takes to split a large leaf so far that exactly this slice of it consists of
/// leaves of its own; 0 if the slice is all of it.
constexpr std::uint64_t tables_to_split(Level level, const EntrySlice& slice) {
    if (slice.whole) {
        return 0;
    }
    std::uint64_t tables = 1;
    if (below(level) != Level::pt) {
        for (const EntrySlice part : EntrySlices(below(level), slice.first, slice.last)) {
            tables += tables_to_split(below(level), part);
        }
    }
    return tables;
}

/// Replaces a live large leaf, which was `raw` when last looked at, by a table of the leaves that
/// it is made of. `entries` are those of `table`, which nobody reaches yet. Returns the new entry.
///
/// Every address goes on to be translated to the same place with the same rights, by the old
/// translation as by the new: the one change of page size that the Intel SDM allows before an
/// invalidation (Vol. 3A, "Details of TLB Use"). A dirty large leaf becomes dirty small ones.
constexpr std::uint64_t split_leaf(std::uint64_t& slot, Level level, std::uint64_t raw,
                                   Frame4k table, std::uint64_t* entries) {
    const std::uint64_t replacement = TableEntry::table(table).raw();
    do {
        for (std::size_t i = 0; i < entries_per_table; ++i) {
            entries[i] = part_of_leaf(level, raw, i);
        }
        // If it fails, a processor has set accessed or dirty meanwhile, and the parts need it too.
    } while (!compare_exchange_entry(slot, raw, replacement));
    return replacement;
}

/// `Mapper::split`, for a page within the mapper's bounds.
template <TableWindow Window, TableFrameSource Source, PageSize Size>
constexpr Result<void> split_page(const TableTree<Window, Source>& tree, Page<Size> page) {
    constexpr Level leaf_level = leaf_level_of(Size);
    const VirtAddr address = page.address();
    const Descent found = tree.template descend<leaf_level>(address, RequiredRights());
    if (found.slot == nullptr || found.level != leaf_level ||
        kind_of(leaf_level, found.raw) != EntryKind::leaf) {
        return tree.obstacle(found, address, leaf_level);
    }
    TableReserve<Window, Source> reserve(tree.window(), tree.source());
    if (const auto filled = reserve.fill(1, address); !filled) {
        return filled.error();
    }
    const Frame4k table = reserve.take();
    split_leaf(*found.slot, leaf_level, found.raw, table, tree.window()(table));
    return {};
}

}  // namespace nestbed::paging
