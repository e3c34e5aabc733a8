#pragma once

#include <cstddef>
#include <cstdint>

#include "bits.hpp"
#include "flags.hpp"
#include "level.hpp"
#include "live_entry.hpp"

/// Raw leaf entries of any level: how they change, split and merge.
namespace nestbed::paging {

/// The raw leaf with other flags; its frame, accessed, dirty and available bits stay.
constexpr std::uint64_t with_leaf_flags(Level level, std::uint64_t raw, Flags flags) {
    const PageSize size = leaf_size_of(level);
    return (raw & ~Flags::leaf_mask(size)) | flags.to_leaf(size);
}

/// Whether every right and type that the old leaf gave holds in the new one too. U/S is not a right
/// that grows: with SMEP or SMAP a supervisor loses what a user gains.
constexpr bool only_grants_more(std::uint64_t old, std::uint64_t changed) {
    const std::uint64_t granted =
        (~old & changed & bits::writable) | (old & ~changed & bits::no_execute);
    return ((old ^ changed) & ~granted) == 0;
}

/// Replaces the flags of a live leaf, which was `raw` when last looked at. Returns it as it was
/// when it was replaced.
///
/// A processor may set accessed or dirty between the load and the exchange; then the exchange fails
/// and is done again with the bits it missed.
constexpr std::uint64_t exchange_leaf_flags(std::uint64_t& slot, Level level, std::uint64_t raw,
                                            Flags flags) {
    while (!compare_exchange_entry(slot, raw, with_leaf_flags(level, raw, flags))) {
    }
    return raw;
}

/// The leaf of the level below that maps the same memory with the same flags as part `index` of a
/// large leaf. The PAT bit moves where the size below has it.
constexpr std::uint64_t part_of_leaf(Level level, std::uint64_t raw, std::size_t index) {
    const Level smaller = below(level);
    const Flags flags = Flags::of_leaf(leaf_size_of(level), raw);
    const std::uint64_t below_frame = offset_mask_of(leaf_size_of(level)) & bits::table_frame;
    const std::uint64_t kept = raw & ~(Flags::leaf_mask(leaf_size_of(level)) | below_frame);
    return (kept | flags.to_leaf(leaf_size_of(smaller))) + (index << index_shift_of(smaller));
}

}  // namespace nestbed::paging
