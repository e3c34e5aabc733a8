#pragma once

#include <utility>

#include "debt.hpp"
#include "frame.hpp"
#include "invalidator.hpp"
#include "page.hpp"
#include "page_range.hpp"

namespace nestbed::paging {

template <std::size_t Capacity>
class StaleBatch;

/// Pages whose rights, memory type or page size changed in the tables, while processors may still
/// use the old ones. They stay mapped. Like `StaleRights`, for a range.
class [[nodiscard]] StaleRange {
  public:
    /// For the mapper: what to invalidate, if that is owed.
    constexpr StaleRange(AddressSpaceId space, const PageRange& range, bool owed)
        : space_(space), range_(range), debt_(owed) {}

    constexpr AddressSpaceId space() const { return space_; }
    constexpr const PageRange& range() const { return range_; }
    /// Whether anything must be invalidated.
    constexpr bool owed() const { return debt_.owed(); }

    /// Invalidates the old translations where that is owed.
    template <Invalidator I>
    constexpr void invalidate(I&& invalidator) && {
        if (debt_.owed()) {
            invalidator(space_, range_);
            debt_.settle();
        }
    }

  private:
    template <std::size_t>
    friend class StaleBatch;

    AddressSpaceId space_;
    PageRange range_;
    Debt debt_;
};

/// What was detached and is not cached anywhere any more: ready for `Mapper::reclaim`, which gives
/// the frames back. Dropping it would leak them, and stops the program.
///
/// `Detached` is what it was before, `DetachedRange` or `DetachedTable`.
template <typename Detached>
class [[nodiscard]] Invalidated {
  public:
    constexpr const Detached& what() const { return what_; }

    /// For the mapper, which has reclaimed everything.
    constexpr void settle() && { debt_.settle(); }

  private:
    friend Detached;

    constexpr Invalidated(Detached&& what, bool owed) : what_(std::move(what)), debt_(owed) {}

    Detached what_;
    Debt debt_;
};

/// Pages that were taken out of the tables by `Mapper::unmap_range`, together with tables that
/// became empty. Processors may still use all of it.
///
/// Nothing was given back yet, and no memory was needed to remember it: the entries on top of what
/// was detached are not present, but keep their address until they are reclaimed.
class [[nodiscard]] DetachedRange {
  public:
    /// For the mapper. `within` is what was asked for, `stale` the part of it to invalidate.
    constexpr DetachedRange(AddressSpaceId space, const PageRange& within, const PageRange& stale,
                            bool owed, bool frees_tables)
        : space_(space), within_(within), stale_(stale), frees_tables_(frees_tables), debt_(owed) {}

    constexpr AddressSpaceId space() const { return space_; }
    /// What `unmap_range` was asked to unmap.
    constexpr const PageRange& within() const { return within_; }
    /// What must be invalidated: from the first to the last page that was mapped in it, at the
    /// smallest size of them.
    constexpr const PageRange& stale() const { return stale_; }
    /// Whether paging structures will be freed. Then no processor may be left that still walks them
    /// when `invalidate` returns, not even one that could not use the translations (a CPU in the
    /// kernel that put off its flush).
    constexpr bool frees_tables() const { return frees_tables_; }
    /// Whether anything was detached; if not, `invalidate` does nothing.
    constexpr bool owed() const { return debt_.owed(); }

    template <Invalidator I>
    [[nodiscard]] constexpr Invalidated<DetachedRange> invalidate(I&& invalidator) && {
        const bool owed = debt_.owed();
        if (owed) {
            invalidator(space_, stale_);
            debt_.settle();
        }
        return Invalidated<DetachedRange>(std::move(*this), owed);
    }

  private:
    AddressSpaceId space_;
    PageRange within_;
    PageRange stale_;
    bool frees_tables_;
    Debt debt_;
};

/// A table whose pages `Mapper::merge` replaced by one large page of this size. Processors may
/// still walk it, and set accessed and dirty bits in it.
template <PageSize Size>
class [[nodiscard]] DetachedTable {
  public:
    /// For the mapper.
    constexpr DetachedTable(AddressSpaceId space, Page<Size> page, Frame4k table)
        : space_(space), page_(page), table_(table), debt_(true) {}

    constexpr AddressSpaceId space() const { return space_; }
    /// The page that the large entry maps now.
    constexpr Page<Size> page() const { return page_; }
    constexpr Frame4k table() const { return table_; }
    /// What must be invalidated: the page, at the size that its translations had.
    constexpr PageRange stale() const {
        constexpr PageSize smaller = leaf_size_of(below(leaf_level_of(Size)));
        return {page_.address(), entries_per_table, smaller};
    }

    template <Invalidator I>
    [[nodiscard]] constexpr Invalidated<DetachedTable> invalidate(I&& invalidator) && {
        invalidator(space_, stale());
        debt_.settle();
        return Invalidated<DetachedTable>(std::move(*this), true);
    }

  private:
    AddressSpaceId space_;
    Page<Size> page_;
    Frame4k table_;
    Debt debt_;
};

}  // namespace nestbed::paging
