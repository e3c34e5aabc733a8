#pragma once

#include "entry.hpp"
#include "frame.hpp"
#include "invalidation.hpp"
#include "level.hpp"
#include "obligation.hpp"
#include "page.hpp"
#include "page_range.hpp"

namespace nestbed::paging {

template <std::size_t Capacity>
class StaleBatch;

/// The translation of a page that was taken out of the tables or replaced, but may still be cached
/// by processors (Intel SDM Vol. 3A 4.10.4 "Invalidation of TLBs and Paging-Structure Caches").
///
/// It owns the frame that was mapped. The frame comes out only through `invalidate`, so it cannot
/// be reused while some processor can still reach it. Dropping the token stops the program.
template <PageSize Size>
class [[nodiscard]] StaleTlbEntry {
  public:
    using LeafEntry = Entry<leaf_level_of(Size)>;

    /// For the mapper, and for whoever replaces entries by hand: the leaf entry that was replaced,
    /// with the frame it mapped.
    constexpr StaleTlbEntry(AddressSpaceId space, Page<Size> page, Frame<Size> frame, LeafEntry old)
        : space_(space), page_(page), frame_(frame), old_(old), obligation_(true) {}

    constexpr AddressSpaceId space() const { return space_; }
    constexpr Page<Size> page() const { return page_; }
    /// The entry as it was when it was replaced; its accessed and dirty bits are final, since a
    /// processor sets them only in an entry that is present when it looks.
    constexpr LeafEntry old_entry() const { return old_; }

    /// Invalidates the translation and gives the frame back. It may be used again afterwards.
    template <Invalidator I>
    [[nodiscard]] constexpr Frame<Size> invalidate(I&& invalidator) && {
        obligation_.require_owed();
        const PageRange range = PageRange::of(page_);
        invalidator(Invalidation::of(space_, range));
        obligation_.discharge();
        return frame_;
    }

  private:
    template <std::size_t>
    friend class StaleBatch;

    AddressSpaceId space_;
    Page<Size> page_;
    Frame<Size> frame_;
    LeafEntry old_;
    Obligation<Duty::invalidate> obligation_;
};

/// The rights or the memory type of a page that changed in the tables, while processors may still
/// use the old ones. The page stays mapped, so there is no frame to give back.
///
/// A change that only grants more owes nothing: a processor that still has the old translation
/// raises at most one spurious fault (Intel SDM Vol. 3A 4.10.4.3 "Optional Invalidation"). Such a
/// token may be dropped, and `invalidate` does nothing.
template <PageSize Size>
class [[nodiscard]] StaleRights {
  public:
    using LeafEntry = Entry<leaf_level_of(Size)>;

    /// For the mapper, and for whoever replaces entries by hand: the leaf entry that was replaced,
    /// and whether it must be invalidated.
    constexpr StaleRights(AddressSpaceId space, Page<Size> page, LeafEntry old, bool owed)
        : space_(space), page_(page), old_(old), obligation_(owed) {}

    constexpr AddressSpaceId space() const { return space_; }
    constexpr Page<Size> page() const { return page_; }
    /// The entry as it was when it was replaced.
    constexpr LeafEntry old_entry() const { return old_; }
    /// Whether anything must be invalidated.
    constexpr bool owed() const { return obligation_.owed(); }

    /// Invalidates the old translation where that is owed.
    template <Invalidator I>
    constexpr void invalidate(I&& invalidator) && {
        if (obligation_.owed()) {
            const PageRange range = PageRange::of(page_);
            invalidator(Invalidation::of(space_, range));
            obligation_.discharge();
        }
    }

  private:
    template <std::size_t>
    friend class StaleBatch;

    AddressSpaceId space_;
    Page<Size> page_;
    LeafEntry old_;
    Obligation<Duty::invalidate> obligation_;
};

}  // namespace nestbed::paging
