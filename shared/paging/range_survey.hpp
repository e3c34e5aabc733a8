#pragma once

#include <cstddef>
#include <cstdint>

#include "entry_format.hpp"
#include "entry_slice.hpp"
#include "level.hpp"
#include "page_range.hpp"
#include "required_rights.hpp"
#include "split.hpp"
#include "table_tree.hpp"

namespace nestbed::paging {

/// What a survey makes of pages that are not mapped.
enum class Holes : std::uint8_t { allowed, not_exist };

/// Looks at all that is mapped in a range, before anything of it changes: whether something is in
/// the way, which pages there are to invalidate, and how many tables it takes to split the large
/// leaves that lie only partly in the range.
template <TableWindow Window, TableFrameSource Source>
class RangeSurvey {
  public:
    using Tree = TableTree<Window, Source>;

    /// For a range that is not empty and within the mapper's bounds.
    constexpr RangeSurvey(const Tree& tree, const PageRange& range, RequiredRights required,
                          Holes holes)
        : tree_(tree),
          required_(required),
          holes_(holes),
          first_(range.start),
          last_(range.last()) {}

    /// Errors: `malformed`, `not_addressable`, `occupied`, `invalid_permission` (a table does not
    /// grant what is `required`), `not_exist` (a hole, if those are not allowed).
    constexpr Result<void> run() {
        return visit(tree_.root_level(), tree_.settings().root, first_, last_);
    }

    /// The tables that it takes to split large leaves.
    constexpr std::uint64_t tables_missing() const { return tables_missing_; }

    /// From the first to the last page that is mapped, at the size of the smallest after splitting.
    /// Of a table that maps nothing its first page is counted, since a cached way to that table
    /// must be invalidated as well.
    constexpr PageRange mapped() const {
        if (!found_) {
            return {first_, 0, PageSize::size_4k};
        }
        const std::uint64_t bytes = mapped_last_.raw() - mapped_first_.raw();
        return {mapped_first_, (bytes >> shift_of(smallest_)) + 1, smallest_};
    }

  private:
    constexpr Result<void> visit(Level level, Frame4k table, VirtAddr first, VirtAddr last) {
        std::uint64_t* entries = tree_.window()(table);
        if (entries == nullptr) {
            return Tree::obstacle({.raw = table.address().raw(), .level = level}, first, level);
        }
        for (const EntrySlice slice : EntrySlices(level, first, last)) {
            std::uint64_t& slot = entries[slice.index];
            const std::uint64_t raw = load_entry(slot);
            if (raw == 0 && holes_ == Holes::allowed) {
                continue;
            }
            const EntryKind kind = kind_of(level, raw);
            if (kind == EntryKind::leaf) {
                note_leaf(level, slice);
                continue;
            }
            if (kind != EntryKind::table || !required_.granted_by(raw)) {
                const Descent at{&slot, raw, level};
                return raw == 0 ? Tree::obstacle(at, slice.first, Level::pt)
                                : Tree::obstacle_to_map(at, slice.first, Level::pt);
            }
            const Frame4k next = *TableEntry(raw).next_table();
            const std::uint64_t leaves_before = leaves_;
            if (const auto good = visit(below(level), next, slice.first, slice.last); !good) {
                return good;
            }
            if (leaves_ == leaves_before) {
                note(slice.first, slice.first + offset_mask_of(PageSize::size_4k),
                     PageSize::size_4k);
            }
        }
        return {};
    }

    constexpr void note_leaf(Level level, const EntrySlice& slice) {
        ++leaves_;
        tables_missing_ += tables_to_split(level, slice);
        PageSize size = leaf_size_of(level);
        while (!slice.first.is_aligned(size) || !(slice.last + 1).is_aligned(size)) {
            size = leaf_size_of(below(leaf_level_of(size)));
        }
        note(slice.first, slice.last, size);
    }

    constexpr void note(VirtAddr first, VirtAddr last, PageSize size) {
        // In the order of addresses, so that the first to be noted is the lowest.
        if (!found_) {
            mapped_first_ = first;
        }
        mapped_last_ = !found_ || last > mapped_last_ ? last : mapped_last_;
        smallest_ = !found_ || size < smallest_ ? size : smallest_;
        found_ = true;
    }

    const Tree& tree_;
    RequiredRights required_;
    Holes holes_;
    VirtAddr first_;
    VirtAddr last_;
    std::uint64_t tables_missing_ = 0;
    std::uint64_t leaves_ = 0;
    bool found_ = false;
    VirtAddr mapped_first_{};
    VirtAddr mapped_last_{};
    PageSize smallest_ = PageSize::size_1g;
};

}  // namespace nestbed::paging
