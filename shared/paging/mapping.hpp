#pragma once

#include <cstdint>

#include "address.hpp"
#include "bits.hpp"
#include "flags.hpp"
#include "leaf.hpp"
#include "level.hpp"

namespace nestbed::paging {

/// What `Mapper::lookup` finds.
struct Mapping {
    /// The address that the linear address maps to.
    PhysAddr address{};
    PageSize size = PageSize::size_4k;
    /// The leaf's flags; tables above it may grant less.
    Flags flags{Permission::none};
    /// The leaf entry.
    std::uint64_t raw = 0;

    /// What a leaf of this level makes of an address below it.
    template <Level Leaf>
    static constexpr Mapping by_leaf(std::uint64_t raw, VirtAddr address) {
        constexpr PageSize size = leaf_size_of(Leaf);
        return {.address = PhysAddr((raw & bits::leaf_frame(size)) | address.offset_in(size)),
                .size = size,
                .flags = Flags::of_leaf(size, raw),
                .raw = raw};
    }
};

}  // namespace nestbed::paging
