#pragma once

#include <cstdint>

#include "entry_slice.hpp"
#include "flags.hpp"
#include "leaf.hpp"
#include "page_range.hpp"
#include "range_survey.hpp"
#include "split.hpp"
#include "stale_range.hpp"
#include "table_reserve.hpp"
#include "table_tree.hpp"

namespace nestbed::paging {

/// Changes the flags of all pages of a range: `Mapper::protect_range`, step by step. As in
/// `MapRange`, whatever can fail comes before the first store.
template <TableWindow Window, TableFrameSource Source>
class ProtectRange {
  public:
    using Tree = TableTree<Window, Source>;

    /// For a range that is not empty and within the mapper's bounds, and flags that a leaf can
    /// have.
    constexpr ProtectRange(const Tree& tree, const PageRange& range, Flags flags)
        : tree_(tree), range_(range), flags_(flags), reserve_(tree.window(), tree.source()) {}

    constexpr Result<StaleRange> run() {
        RangeSurvey<Window, Source> survey(tree_, range_, RequiredRights(flags_), Holes::not_exist);
        if (const auto good = survey.run(); !good) {
            return good.error();
        }
        if (const auto filled = reserve_.fill(survey.tables_missing(), range_.start); !filled) {
            return filled.error();
        }
        change(tree_.root_level(), tree_.settings().root, range_.start, range_.last());
        return StaleRange({tree_.settings().root}, survey.mapped(), owed_);
    }

  private:
    constexpr void change(Level level, Frame4k table, VirtAddr first, VirtAddr last) {
        std::uint64_t* entries = tree_.window()(table);
        for (const EntrySlice slice : EntrySlices(level, first, last)) {
            std::uint64_t& slot = entries[slice.index];
            std::uint64_t raw = load_entry(slot);
            if (kind_of(level, raw) == EntryKind::leaf) {
                if (slice.whole) {
                    const std::uint64_t old = exchange_leaf_flags(slot, level, raw, flags_);
                    owed_ |= !only_grants_more(old, with_leaf_flags(level, old, flags_));
                    continue;
                }
                const Frame4k parts = reserve_.take();
                raw = split_leaf(slot, level, raw, parts, tree_.window()(parts));
                // Whatever the rights: the page size of what is in use changes together with them.
                owed_ = true;
            }
            change(below(level), *TableEntry(raw).next_table(), slice.first, slice.last);
        }
    }

    const Tree& tree_;
    PageRange range_;
    Flags flags_;
    bool owed_ = false;
    TableReserve<Window, Source> reserve_;
};

}  // namespace nestbed::paging
