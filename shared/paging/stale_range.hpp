#pragma once

#include <cstdint>
#include <utility>

#include "frame.hpp"
#include "invalidation.hpp"
#include "obligation.hpp"
#include "page.hpp"
#include "page_range.hpp"
#include "window.hpp"

namespace nestbed::paging {

template <std::size_t Capacity>
class StaleBatch;
template <TableWindow Window, TableFrameSource Source>
class Mapper;

/// Pages whose rights, memory type or page size changed in the tables, while processors may still
/// use the old ones. They stay mapped. Like `StaleRights`, for a range.
class [[nodiscard]] StaleRange {
  public:
    /// For the mapper: what to invalidate, if that is owed.
    constexpr StaleRange(AddressSpaceId space, const PageRange& range, bool owed)
        : space_(space), range_(range), obligation_(owed) {}

    constexpr AddressSpaceId space() const { return space_; }
    constexpr const PageRange& range() const { return range_; }
    /// Whether anything must be invalidated.
    constexpr bool owed() const { return obligation_.owed(); }

    /// Invalidates the old translations where that is owed.
    template <Invalidator I>
    constexpr void invalidate(I&& invalidator) && {
        if (obligation_.owed()) {
            invalidator(Invalidation::of(space_, range_));
            obligation_.discharge();
        }
    }

  private:
    template <std::size_t>
    friend class StaleBatch;

    AddressSpaceId space_;
    PageRange range_;
    Obligation<Duty::invalidate> obligation_;
};

/// What was detached and is not cached anywhere any more: ready for `Mapper::reclaim`, which gives
/// the frames back. Dropping it would leak them, and stops the program.
///
/// `Detached` is what it was before, `DetachedRange` or `DetachedTable`.
template <typename Detached>
class [[nodiscard]] Invalidated {
  public:
    constexpr const Detached& what() const { return what_; }
    /// Whether there is anything to reclaim.
    constexpr bool owed() const { return obligation_.owed(); }

  private:
    friend Detached;
    template <TableWindow Window, TableFrameSource Source>
    friend class Mapper;

    constexpr Invalidated(Detached&& what, bool owed) : what_(std::move(what)), obligation_(owed) {}

    Detached what_;
    Obligation<Duty::reclaim> obligation_;
};

/// Pages that were taken out of the tables by `Mapper::unmap_range`, together with tables that
/// became empty. Processors may still use all of it.
///
/// Nothing was given back yet, and no memory was needed to remember it: the entries on top of what
/// was detached are not present, but keep their address until they are reclaimed.
class [[nodiscard]] DetachedRange {
  public:
    constexpr AddressSpaceId space() const { return space_; }
    /// What `unmap_range` was asked to unmap.
    constexpr const PageRange& within() const { return within_; }
    /// What must be invalidated: from the first to the last page that was mapped in it, at the
    /// smallest size of them.
    constexpr const PageRange& stale() const { return stale_; }
    /// Whether paging structures will be freed; see `Invalidation::frees_tables`.
    constexpr bool frees_tables() const { return frees_tables_; }
    /// Whether anything was detached; if not, `invalidate` does nothing.
    constexpr bool owed() const { return obligation_.owed(); }

    template <Invalidator I>
    [[nodiscard]] constexpr Invalidated<DetachedRange> invalidate(I&& invalidator) && {
        const bool owed = obligation_.owed();
        if (owed) {
            invalidator(Invalidation::of(space_, stale_, frees_tables_));
            obligation_.discharge();
        }
        return {std::move(*this), owed};
    }

  private:
    template <TableWindow Window, TableFrameSource Source>
    friend class Mapper;

    constexpr DetachedRange(AddressSpaceId space, const PageRange& within, const PageRange& stale,
                            bool owed, bool frees_tables)
        : space_(space),
          within_(within),
          stale_(stale),
          frees_tables_(frees_tables),
          obligation_(owed) {}

    AddressSpaceId space_;
    PageRange within_;
    PageRange stale_;
    bool frees_tables_;
    Obligation<Duty::invalidate> obligation_;
};

/// A table whose pages `Mapper::merge` is about to replace by one large page of this size. It is
/// detached, but processors may still walk it and set accessed and dirty bits in it.
template <PageSize Size>
class [[nodiscard]] DetachedTable {
  public:
    constexpr AddressSpaceId space() const { return space_; }
    /// The page that the large entry will map.
    constexpr Page<Size> page() const { return page_; }
    /// What must be invalidated: the page, at the size that its translations had.
    constexpr PageRange stale() const {
        constexpr PageSize smaller = leaf_size_of(below(leaf_level_of(Size)));
        return {page_.address(), entries_per_table, smaller};
    }

    template <Invalidator I>
    [[nodiscard]] constexpr Invalidated<DetachedTable> invalidate(I&& invalidator) && {
        obligation_.require_owed();
        const PageRange range = stale();
        invalidator(Invalidation::of(space_, range, /*frees_tables=*/true));
        obligation_.discharge();
        return {std::move(*this), true};
    }

  private:
    template <TableWindow Window, TableFrameSource Source>
    friend class Mapper;

    constexpr DetachedTable(AddressSpaceId space, Page<Size> page, std::uint64_t leaf)
        : space_(space), page_(page), leaf_(leaf), obligation_(true) {}

    AddressSpaceId space_;
    Page<Size> page_;
    std::uint64_t leaf_;  ///< what maps the page afterwards
    Obligation<Duty::invalidate> obligation_;
};

}  // namespace nestbed::paging
