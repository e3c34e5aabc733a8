#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "address.hpp"
#include "entry_format.hpp"
#include "entry_slice.hpp"
#include "leaf.hpp"
#include "page_range.hpp"
#include "range_survey.hpp"
#include "split.hpp"
#include "table_reserve.hpp"
#include "table_tree.hpp"

namespace nestbed::paging {

/// A page that was unmapped and is not cached by any processor any more; its frame is free.
struct UnmappedPage {
    VirtAddr page{};
    PhysAddr frame{};
    PageSize size = PageSize::size_4k;
    /// The leaf entry as it was at the end, its present bit clear. (An entry of nothing but the
    /// present bit, which maps frame 0, is told as accessed.)
    std::uint64_t raw = 0;

    constexpr bool dirty() const { return (raw & bits::dirty) != 0; }
};

/// What `Mapper::reclaim` gives the frames to.
template <typename F>
concept UnmappedPageSink = std::invocable<F&, const UnmappedPage&>;

/// Takes all pages of a range out of the tables, with the tables that become empty:
/// `Mapper::unmap_range`, step by step. As in `MapRange`, whatever can fail comes before the first
/// store.
///
/// What is wholly in the range goes by clearing the present bit of the one entry on top of it, so
/// that unmapping a full table is one store. All else in these entries stays for `ReclaimRange`.
template <TableWindow Window, TableFrameSource Source>
class UnmapRange {
  public:
    using Tree = TableTree<Window, Source>;

    /// For a range that is not empty and within the mapper's bounds.
    constexpr UnmapRange(const Tree& tree, const PageRange& range)
        : tree_(tree), range_(range), reserve_(tree.window(), tree.source()) {}

    /// What was done, for the token.
    struct Outcome {
        PageRange stale;
        bool detached;
        bool frees_tables;
    };

    constexpr Result<Outcome> run() {
        RangeSurvey<Window, Source> survey(tree_, range_, RequiredRights(), Holes::allowed);
        if (const auto good = survey.run(); !good) {
            return good.error();
        }
        if (const auto filled = reserve_.fill(survey.tables_missing(), range_.start); !filled) {
            return filled.error();
        }
        detach(tree_.root_level(), tree_.settings().root, range_.start, range_.last());
        return Outcome{survey.mapped(), detached_, frees_tables_};
    }

  private:
    /// Detaches what lies in the range, and says whether the rest of the table is empty.
    constexpr bool detach(Level level, Frame4k table, VirtAddr first, VirtAddr last) {
        std::uint64_t* entries = tree_.window()(table);
        const EntrySlices slices(level, first, last);
        bool empty = true;
        for (const EntrySlice slice : slices) {
            std::uint64_t& slot = entries[slice.index];
            const std::uint64_t raw = load_entry(slot);
            if (raw != 0 && !detach_slice(slot, raw, level, slice)) {
                empty = false;
            }
        }
        for (std::size_t i = 0; empty && i < entries_per_table; ++i) {
            const bool outside = i < slices.begin_index() || i >= slices.end_index();
            empty = !outside || load_entry(entries[i]) == 0;
        }
        return empty;
    }

    /// The same for what one entry leads to; says whether the entry went as a whole.
    constexpr bool detach_slice(std::uint64_t& slot, std::uint64_t raw, Level level,
                                const EntrySlice& slice) {
        EntryKind kind = kind_of(level, raw);
        if (kind == EntryKind::leaf && !slice.whole) {
            const Frame4k parts = reserve_.take();
            raw = split_leaf(slot, level, raw, parts, tree_.window()(parts));
            kind = EntryKind::table;
        }
        if (kind == EntryKind::table && (!slice.whole || is_shared(level, slice.index))) {
            const Frame4k next = *TableEntry(raw).next_table();
            const bool empty = detach(below(level), next, slice.first, slice.last);
            if (!empty || is_shared(level, slice.index)) {
                return false;
            }
        }
        frees_tables_ |= kind == EntryKind::table;
        detached_ = true;
        detach_entry(slot);
        return true;
    }

    /// Whether the entry is the kernel's in the root: other roots hold copies of it, so the table
    /// that it leads to stays, however empty.
    constexpr bool is_shared(Level level, std::size_t index) const {
        return level == tree_.root_level() && index >= entries_per_table / 2;
    }

    const Tree& tree_;
    PageRange range_;
    bool detached_ = false;
    bool frees_tables_ = false;
    TableReserve<Window, Source> reserve_;
};

/// Gives back what `UnmapRange` detached: frames to the sink, tables to their source. No processor
/// reaches any of it any more, so that the accesses need no order.
template <TableWindow Window, TableFrameSource Source, UnmappedPageSink Sink>
class ReclaimRange {
  public:
    using Tree = TableTree<Window, Source>;

    constexpr ReclaimRange(const Tree& tree, Sink& sink) : tree_(tree), sink_(sink) {}

    /// In the part of the tree that is still attached: looks for the entries on top of what was
    /// detached.
    constexpr void search(Level level, Frame4k table, VirtAddr first, VirtAddr last) {
        std::uint64_t* entries = tree_.window()(table);
        for (const EntrySlice slice : EntrySlices(level, first, last)) {
            std::uint64_t& slot = entries[slice.index];
            const std::uint64_t raw = load_entry(slot);
            if (kind_of(level, raw) == EntryKind::table) {
                search(below(level), *TableEntry(raw).next_table(), slice.first, slice.last);
            } else if (raw != 0 && (raw & bits::present) == 0) {
                reclaim(level, raw, start_of(level, slice.first));
                store_entry(slot, 0);
            }
        }
    }

  private:
    /// Everything that a detached entry leads to. Below it, entries may be present still.
    constexpr void reclaim(Level level, std::uint64_t raw, VirtAddr start) {
        const std::uint64_t as_present = raw | bits::present;
        if (kind_of(level, as_present) == EntryKind::leaf) {
            const PageSize size = leaf_size_of(level);
            sink_(UnmappedPage{start, PhysAddr(raw & bits::leaf_frame(size)), size,
                               raw & ~bits::present});
            return;
        }
        const Frame4k table = *TableEntry(as_present).next_table();
        std::uint64_t* entries = tree_.window()(table);
        for (std::size_t i = 0; i < entries_per_table; ++i) {
            if (entries[i] != 0) {
                reclaim(below(level), entries[i],
                        start + (std::uint64_t{i} << index_shift_of(below(level))));
                entries[i] = 0;
            }
        }
        tree_.source().free_zeroed(table);
    }

    const Tree& tree_;
    Sink& sink_;
};

}  // namespace nestbed::paging
