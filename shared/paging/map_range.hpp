#pragma once

#include <cstddef>
#include <cstdint>

#include "entry_slice.hpp"
#include "flags.hpp"
#include "frame.hpp"
#include "level.hpp"
#include "page_range.hpp"
#include "required_rights.hpp"
#include "table_reserve.hpp"
#include "table_tree.hpp"

namespace nestbed::paging {

/// Maps a range of pages to consecutive frames: `Mapper::map_range`, step by step.
///
/// First it looks at everything that it will change and counts the tables that are missing, then it
/// allocates them, and only then it stores the first entry. After that nothing can fail, so there
/// is nothing to take back, which could not be done in silence anyway: a page that was visible for
/// an instant may be in a TLB.
///
/// It descends once per table, not once per page.
template <TableWindow Window, TableFrameSource Source>
class MapRange {
  public:
    using Tree = TableTree<Window, Source>;

    /// For a range that is not empty and within the mapper's bounds, and flags that a leaf can
    /// have.
    constexpr MapRange(const Tree& tree, const PageRange& range, Frame4k first, Flags flags,
                       PageSize greatest)
        : tree_(tree),
          required_(flags),
          flags_(flags),
          first_(range.start),
          last_(range.last()),
          to_frame_(first.address().raw() - range.start.raw()),
          greatest_(greatest),
          reserve_(tree.window(), tree.source()) {}

    constexpr Result<void> run() {
        const Level root_level = tree_.root_level();
        const Frame4k root = tree_.settings().root;
        if (const auto free = survey(root_level, root, first_, last_); !free) {
            return free;
        }
        if (const auto filled = reserve_.fill(tables_missing_, first_); !filled) {
            return filled;
        }
        store(root_level, root, first_, last_);
        return {};
    }

  private:
    /// Looks for what is in the way, and counts the tables that are missing.
    constexpr Result<void> survey(Level level, Frame4k table, VirtAddr first, VirtAddr last) {
        std::uint64_t* entries = tree_.window()(table);
        if (entries == nullptr) {
            return Tree::obstacle({.raw = table.address().raw(), .level = level}, first, level);
        }
        for (const EntrySlice slice : EntrySlices(level, first, last)) {
            std::uint64_t& slot = entries[slice.index];
            const std::uint64_t raw = load_entry(slot);
            if (raw == 0) {
                tables_missing_ += tables_below(level, slice);
                continue;
            }
            // Level::pt has no table form: there anything but zero is in the way.
            if (level == Level::pt || !required_.granted_by(raw)) {
                return Tree::obstacle_to_map({&slot, raw, level}, slice.first, Level::pt);
            }
            const Frame4k next = *TableEntry(raw).next_table();
            if (const auto free = survey(below(level), next, slice.first, slice.last); !free) {
                return free;
            }
        }
        return {};
    }

    /// How many tables must be made below an entry that is zero.
    constexpr std::uint64_t tables_below(Level level, const EntrySlice& slice) const {
        if (maps_as_leaf(level, slice)) {
            return 0;
        }
        std::uint64_t tables = 1;
        if (below(level) != Level::pt) {
            for (const EntrySlice part : EntrySlices(below(level), slice.first, slice.last)) {
                tables += tables_below(below(level), part);
            }
        }
        return tables;
    }

    /// Whether one leaf can map the slice: the same answer whenever it is asked.
    constexpr bool maps_as_leaf(Level level, const EntrySlice& slice) const {
        if (level == Level::pt) {
            return true;
        }
        if (!slice.whole || !can_be_leaf(level) || leaf_size_of(level) > greatest_) {
            return false;
        }
        return PhysAddr(slice.first.raw() + to_frame_).is_aligned(leaf_size_of(level)) &&
               (level != Level::pdpt || tree_.settings().format.pages_1g);
    }

    constexpr void store(Level level, Frame4k table, VirtAddr first, VirtAddr last) {
        std::uint64_t* entries = tree_.window()(table);
        if (level == Level::pt) {
            store_leaves(entries, first, last);
            return;
        }
        for (const EntrySlice slice : EntrySlices(level, first, last)) {
            std::uint64_t& slot = entries[slice.index];
            const std::uint64_t raw = load_entry(slot);
            if (raw != 0) {
                store(below(level), *TableEntry(raw).next_table(), slice.first, slice.last);
            } else if (maps_as_leaf(level, slice)) {
                store_entry(slot, leaf_at(level, slice.first));
            } else {
                const Frame4k next = reserve_.take();
                store(below(level), next, slice.first, slice.last);
                // Only now, so that no processor walks a table that is still being filled.
                store_entry(slot, TableEntry::table(next).raw());
            }
        }
    }

    constexpr void store_leaves(std::uint64_t* entries, VirtAddr first, VirtAddr last) const {
        std::uint64_t leaf = leaf_at(Level::pt, first);
        const std::size_t end = index_of(Level::pt, last) + 1;
        for (std::size_t i = index_of(Level::pt, first); i != end; ++i) {
            store_entry(entries[i], leaf);
            leaf += bytes_of(PageSize::size_4k);
        }
    }

    constexpr std::uint64_t leaf_at(Level level, VirtAddr address) const {
        return (address.raw() + to_frame_) | flags_.to_leaf(leaf_size_of(level));
    }

    const Tree& tree_;
    RequiredRights required_;
    Flags flags_;
    VirtAddr first_;
    VirtAddr last_;
    std::uint64_t to_frame_;  ///< what added to a linear address gives its frame, modulo 2^64
    PageSize greatest_;
    std::uint64_t tables_missing_ = 0;
    TableReserve<Window, Source> reserve_;
};

}  // namespace nestbed::paging
