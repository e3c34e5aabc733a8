#pragma once

#include <cstdint>

#include "bits.hpp"
#include "flags.hpp"

namespace nestbed::paging {

/// The rights that every table entry on the way to a leaf must grant, since a page has only those
/// that all entries above it have. One comparison tells, and also whether the entry leads to a
/// table at all.
class RequiredRights {
  public:
    /// None: any table will do.
    constexpr RequiredRights() : mask_(bits::present | bits::page_size), value_(bits::present) {}
    /// Those of a leaf with these flags.
    constexpr explicit RequiredRights(Flags flags) {
        const std::uint64_t leaf = flags.to_leaf(PageSize::size_4k);
        value_ = leaf & (bits::present | bits::writable | bits::user);
        mask_ = value_ | bits::page_size | (~leaf & bits::no_execute);
    }

    /// Whether this is the entry of a table, and grants them.
    constexpr bool granted_by(std::uint64_t raw) const { return (raw & mask_) == value_; }

  private:
    std::uint64_t mask_;
    std::uint64_t value_;
};

}  // namespace nestbed::paging
