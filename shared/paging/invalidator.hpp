#pragma once

#include <concepts>

#include "frame.hpp"
#include "page_range.hpp"

namespace nestbed::paging {

/// Names an address space by its root table, which no other live address space shares.
struct AddressSpaceId {
    Frame4k root;

    friend constexpr bool operator==(AddressSpaceId, AddressSpaceId) = default;
};

/// Makes sure that no processor uses an old translation of these pages of an address space any
/// more, nor an old paging-structure-cache entry on the way to them: when the call returns, on
/// every processor that could have cached one. Each page of the range is to be invalidated at its
/// own first address. Intel SDM Vol. 3A "Invalidation of TLBs and Paging-Structure Caches".
template <typename I>
concept Invalidator = std::invocable<I&, AddressSpaceId, const PageRange&>;

/// Asks for all translations of an address space, global ones included.
struct WholeSpace {};

/// An invalidator that can also flush a whole address space, which beats many single pages.
template <typename I>
concept SpaceInvalidator = Invalidator<I> && std::invocable<I&, AddressSpaceId, WholeSpace>;

}  // namespace nestbed::paging
