#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "address.hpp"
#include "invalidation.hpp"
#include "obligation.hpp"
#include "page_size.hpp"
#include "range_set.hpp"
#include "result.hpp"
#include "stale.hpp"
#include "stale_range.hpp"

namespace nestbed::paging {

/// Takes back a frame that no processor can reach any more.
template <typename F>
concept FrameSink = std::invocable<F&, PhysAddr, PageSize>;

/// Stale translations of one address space, gathered to be invalidated together: one shootdown for
/// many pages. It owes what the tokens that it took owed, and owns their frames, at most `Capacity`
/// of them. Dropping it unpaid stops the program.
template <std::size_t Capacity>
class [[nodiscard]] StaleBatch {
  public:
    /// More than `max_pages` pages are flushed as a whole space.
    constexpr explicit StaleBatch(AddressSpaceId space,
                                  std::uint64_t max_pages = max_single_invalidations)
        : space_(space), pages_(max_pages) {}

    StaleBatch(const StaleBatch&) = delete;
    StaleBatch& operator=(const StaleBatch&) = delete;

    constexpr AddressSpaceId space() const { return space_; }
    /// What will be invalidated.
    constexpr const RangeSet& pages() const { return pages_; }
    constexpr std::size_t frames() const { return count_; }

    /// Takes over the token. Errors: `other_address_space`, `batch_full`; then the token still owes
    /// and still has its frame.
    template <PageSize Size>
    constexpr Result<void> add(StaleTlbEntry<Size>&& token) {
        if (token.space() != space_) {
            return Error{.kind = ErrorKind::other_address_space, .virt = token.page().address()};
        }
        if (count_ == Capacity) {
            return Error{.kind = ErrorKind::batch_full, .virt = token.page().address()};
        }
        token.obligation_.require_owed();
        frames_[count_++] = {token.frame_.address(), Size};
        take(token.obligation_, PageRange::of(token.page()));
        return {};
    }

    /// Takes over the token. Errors: `other_address_space`.
    template <PageSize Size>
    constexpr Result<void> add(StaleRights<Size>&& token) {
        if (token.space() != space_) {
            return Error{.kind = ErrorKind::other_address_space, .virt = token.page().address()};
        }
        take(token.obligation_, PageRange::of(token.page()));
        return {};
    }

    /// Takes over the token. Errors: `other_address_space`.
    constexpr Result<void> add(StaleRange&& token) {
        if (token.space() != space_) {
            return Error{.kind = ErrorKind::other_address_space, .virt = token.range().start};
        }
        take(token.obligation_, token.range());
        return {};
    }

    /// Invalidates everything, and then gives each frame to `sink(address, size)`. The batch is
    /// empty afterwards and may be filled again.
    template <Invalidator I, FrameSink Sink>
    constexpr void invalidate(I&& invalidator, Sink&& sink) {
        if (!pages_.empty()) {
            invalidator(pages_.in(space_));
        }
        obligation_.discharge();
        pages_.clear();
        for (std::size_t i = 0; i < count_; ++i) {
            sink(frames_[i].address, frames_[i].size);
        }
        count_ = 0;
    }

  private:
    struct OwnedFrame {
        PhysAddr address{};
        PageSize size = PageSize::size_4k;
    };

    constexpr void take(Obligation<Duty::invalidate>& from, const PageRange& range) {
        if (from.owed()) {
            pages_.add(range);
            obligation_.take_over(from);
        }
    }

    AddressSpaceId space_;
    RangeSet pages_;
    OwnedFrame frames_[Capacity] = {};
    std::size_t count_ = 0;
    Obligation<Duty::invalidate> obligation_{false};
};

}  // namespace nestbed::paging
