#pragma once

#include <concepts>
#include <cstdint>
#include <utility>

#include "entry.hpp"
#include "fatal.hpp"
#include "frame.hpp"
#include "level.hpp"
#include "page.hpp"

namespace nestbed::paging {

/// Names an address space by its root table, which no other live address space shares.
struct AddressSpaceId {
    Frame4k root;

    friend constexpr bool operator==(AddressSpaceId, AddressSpaceId) = default;
};

/// Makes sure that no processor uses an old translation of a page of an address space any more:
/// when the call returns, on every processor that could have cached it.
template <typename I, PageSize Size>
concept Invalidator = std::invocable<I&, AddressSpaceId, Page<Size>>;

/// A debt that stops the program if it is dropped unpaid. It moves, and only the last holder owes.
class Debt {
  public:
    constexpr explicit Debt(bool owed) : owed_(owed) {}
    constexpr Debt(Debt&& other) noexcept : owed_(std::exchange(other.owed_, false)) {}
    constexpr Debt& operator=(Debt&& other) noexcept {
        require_paid();
        owed_ = std::exchange(other.owed_, false);
        return *this;
    }
    constexpr ~Debt() { require_paid(); }

    constexpr bool owed() const { return owed_; }
    constexpr void settle() { owed_ = false; }

  private:
    constexpr void require_paid() const {
        if (owed_) {
            nestbed_paging_fatal("paging: a stale translation was dropped before invalidation");
        }
    }

    bool owed_;
};

/// The translation of a page that was taken out of the tables or replaced, but may still be cached
/// by processors (Intel SDM Vol. 3A 4.10.4 "Invalidation of TLBs and Paging-Structure Caches").
///
/// It owns the frame that was mapped. The frame comes out only through `invalidate`, so it cannot
/// be reused while some processor can still reach it. Dropping the token stops the program.
template <PageSize Size>
class [[nodiscard]] StaleTlbEntry {
  public:
    using LeafEntry = Entry<leaf_level_of(Size)>;

    /// For the mapper: the leaf entry that was replaced, with the frame it mapped.
    constexpr StaleTlbEntry(AddressSpaceId space, Page<Size> page, Frame<Size> frame, LeafEntry old)
        : space_(space), page_(page), frame_(frame), old_(old), debt_(true) {}

    constexpr AddressSpaceId space() const { return space_; }
    constexpr Page<Size> page() const { return page_; }
    /// The entry as it was when it was replaced; its accessed and dirty bits are final, since a
    /// processor sets them only in an entry that is present when it looks.
    constexpr LeafEntry old_entry() const { return old_; }

    /// Invalidates the translation and gives the frame back. It may be used again afterwards.
    template <Invalidator<Size> I>
    [[nodiscard]] constexpr Frame<Size> invalidate(I&& invalidator) && {
        invalidator(space_, page_);
        debt_.settle();
        return frame_;
    }

  private:
    AddressSpaceId space_;
    Page<Size> page_;
    Frame<Size> frame_;
    LeafEntry old_;
    Debt debt_;
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

    /// For the mapper: the leaf entry that was replaced, and whether it must be invalidated.
    constexpr StaleRights(AddressSpaceId space, Page<Size> page, LeafEntry old, bool owed)
        : space_(space), page_(page), old_(old), debt_(owed) {}

    constexpr AddressSpaceId space() const { return space_; }
    constexpr Page<Size> page() const { return page_; }
    /// The entry as it was when it was replaced.
    constexpr LeafEntry old_entry() const { return old_; }
    /// Whether anything must be invalidated.
    constexpr bool owed() const { return debt_.owed(); }

    /// Invalidates the old translation where that is owed.
    template <Invalidator<Size> I>
    constexpr void invalidate(I&& invalidator) && {
        if (debt_.owed()) {
            invalidator(space_, page_);
            debt_.settle();
        }
    }

  private:
    AddressSpaceId space_;
    Page<Size> page_;
    LeafEntry old_;
    Debt debt_;
};

}  // namespace nestbed::paging
