#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "frame.hpp"
#include "page_range.hpp"

namespace nestbed::paging {

/// Names an address space by its root table, which no other live address space shares.
struct AddressSpaceId {
    Frame4k root;

    friend constexpr bool operator==(AddressSpaceId, AddressSpaceId) = default;
};

/// With more pages than this, one flush of the whole space is taken to be cheaper than one
/// invalidation after the other. It is where Linux draws the line: `tlb_single_page_flush_ceiling`
/// (arch/x86/mm/tlb.c).
inline constexpr std::uint64_t max_single_invalidations = 33;

/// What is to be invalidated in one address space: ranges of pages, or everything. It refers to the
/// ranges and is for the call that it is passed to.
///
/// When that call returns, no processor may use an old translation of these pages any more, nor an
/// old paging-structure-cache entry on the way to them. Every page of a range is to be invalidated
/// at its own first address. Intel SDM Vol. 3A 4.10.4 "Invalidation of TLBs and Paging-Structure
/// Caches".
///
/// Pages of the kernel's half are in every address space that shares it: then all processors are
/// concerned, whatever they have loaded.
class Invalidation {
  public:
    /// These pages, or everything if they are more than `max_single_invalidations`.
    static constexpr Invalidation of(AddressSpaceId space, const PageRange& range,
                                     bool frees_tables = false) {
        if (range.pages > max_single_invalidations) {
            return of_everything(space, frees_tables);
        }
        return {space, &range, 1, /*everything=*/false, frees_tables};
    }

    /// All of these ranges.
    static constexpr Invalidation of(AddressSpaceId space, const PageRange* ranges,
                                     std::size_t count) {
        return {space, ranges, count, /*everything=*/false, /*frees_tables=*/false};
    }

    /// All translations of the address space, global ones included.
    static constexpr Invalidation of_everything(AddressSpaceId space, bool frees_tables = false) {
        return {space, nullptr, 0, /*everything=*/true, frees_tables};
    }

    constexpr AddressSpaceId space() const { return space_; }
    /// Whether the whole space is to be flushed; then there are no ranges.
    constexpr bool everything() const { return everything_; }
    /// Whether paging structures are freed afterwards. Then no processor may be left that still
    /// walks them, not even one that could not use the translations: a CPU in the kernel that put
    /// off its flush.
    constexpr bool frees_tables() const { return frees_tables_; }

    constexpr const PageRange* begin() const { return ranges_; }
    constexpr const PageRange* end() const { return ranges_ + count_; }

    /// Calls `function(VirtAddr)` for each page of all ranges.
    template <std::invocable<VirtAddr> Function>
    constexpr void for_each_page(Function&& function) const {
        for (const PageRange& range : *this) {
            range.for_each(function);
        }
    }

  private:
    constexpr Invalidation(AddressSpaceId space, const PageRange* ranges, std::size_t count,
                           bool everything, bool frees_tables)
        : space_(space),
          ranges_(ranges),
          count_(count),
          everything_(everything),
          frees_tables_(frees_tables) {}

    AddressSpaceId space_;
    const PageRange* ranges_;
    std::size_t count_;
    bool everything_;
    bool frees_tables_;
};

/// Carries out invalidations, on every processor that they concern.
template <typename I>
concept Invalidator = std::invocable<I&, const Invalidation&>;

}  // namespace nestbed::paging
