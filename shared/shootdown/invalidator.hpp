// Paying what a change of the tables owes: from a paging::Invalidation to a shootdown.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>

#include "../paging/fatal.hpp"
#include "../paging/invalidation.hpp"
#include "request.hpp"

namespace nestbed::shootdown {

/// The range from the first page of the two to the last, which are not empty.
constexpr PageRange hull(const PageRange& a, const PageRange& b) {
    const paging::VirtAddr start = a.start <= b.start ? a.start : b.start;
    const paging::VirtAddr last = a.last() >= b.last() ? a.last() : b.last();
    const paging::PageSize size = a.size <= b.size ? a.size : b.size;
    return {start, ((last.raw() - start.raw()) >> shift_of(size)) + 1, size};
}

/// The one request that covers an invalidation. What a shootdown costs is its interrupts and the
/// wait, so several ranges become the one from the first page to the last, or everything if that
/// has more than `max_single_invalidations` pages.
constexpr Request request_of(const paging::Invalidation& invalidation) {
    Request request;
    request.everything = invalidation.everything();
    request.frees_tables = invalidation.frees_tables();
    for (const PageRange& range : invalidation) {
        if (request.pages.empty()) {
            request.pages = range;
        } else if (!range.empty()) {
            request.pages = hull(request.pages, range);
            request.everything |= request.pages.pages > paging::max_single_invalidations;
        }
    }
    // Tables take at least one invalidation, of whatever page: it takes the cached ways along.
    request.everything |= request.frees_tables && request.pages.empty();
    return request;
}

/// An address space that bears the name that its mapper's tokens bear.
template <typename S>
concept NamedSpace = requires(const S& space) {
    { space.id() } -> std::same_as<paging::AddressSpaceId>;
};

/// Stops the program if an invalidation is not one of this space's alone.
///
/// Pages of the kernel's half are in every space that shares it, so that they concern all CPUs,
/// whatever they have loaded; a protocol asks only those that have this one. Where everything is to
/// be invalidated it cannot be told whether such pages are among it. So a mapper of the whole
/// address space (MapperScope::whole) has a root of its own, which no space is named after.
///
/// Nor can it be told whether a page was mapped global, and the caller sees to it that none of a
/// space's own is: such a translation outlives the load of another space, by a CPU that a shootdown
/// no longer asks.
constexpr void require_invalidation_of(paging::AddressSpaceId space,
                                       const paging::Invalidation& invalidation) {
    if (invalidation.space() != space) {
        nestbed_paging_fatal("shootdown: an invalidation of another address space");
    }
    for (const PageRange& range : invalidation) {
        if (!range.empty() && range.last().is_upper_half()) {
            nestbed_paging_fatal(
                "shootdown: pages of the kernel's half concern more than one address space");
        }
    }
}

/// Pays by a shootdown, on all CPUs that have the space loaded: a paging::Invalidator.
///
/// Call it as the protocol's `shoot`, which it is: from where that may be called, after the tables
/// were changed. The lock of the tables may be held, if whoever waits for it goes on to answer
/// shootdowns, by having interrupts on or by polling.
///
/// The call returns when the shootdown is over. A protocol that could go on before
/// (DeferredShootdown::post) waits here for its ticket, since a token that was paid gives its frame
/// back. Who wants to go on keeps the tokens, in a StaleBatch, posts a request for what that owes,
/// and pays when the ticket has passed, on the CPU that posted. Nothing is added to the batch in
/// between: no request was made for that.
template <typename Protocol, NamedSpace Space>
class ShootdownInvalidator {
  public:
    constexpr ShootdownInvalidator(Protocol& protocol, Space& space)
        : protocol_(protocol), space_(space) {}

    void operator()(const paging::Invalidation& invalidation) const {
        require_invalidation_of(space_.id(), invalidation);
        protocol_.shoot(space_, request_of(invalidation));
    }

  private:
    Protocol& protocol_;
    Space& space_;
};

/// Pays for what no CPU can have cached, and stops the program if one can: a paging::Invalidator.
///
/// No CPU can while none has the space loaded, and until one loads it: loads of CR3 take away what
/// is cached of other spaces. (That asks for loads that flush, as ActiveSpaces does.)
template <NamedSpace Space>
class CachedNowhere {
  public:
    constexpr explicit CachedNowhere(Space& space) : space_(space) {}

    void operator()(const paging::Invalidation& invalidation) const {
        require_invalidation_of(space_.id(), invalidation);
        // The change to the tables before this, the look at the active CPUs after it: one that
        // loads the space later walks the new tables.
        std::atomic_thread_fence(std::memory_order_seq_cst);
        if (!space_.active_set().load().empty()) {
            nestbed_paging_fatal("shootdown: called cached nowhere, but a CPU has it loaded");
        }
    }

  private:
    Space& space_;
};

}  // namespace nestbed::shootdown
