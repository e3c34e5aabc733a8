#pragma once

#include <cstdint>

#include "bits.hpp"
#include "flags.hpp"

namespace nestbed::paging {

/// What a table entry must look like for the way to go on below it: present, not a leaf, and
/// granting what the leaves below are to grant. One comparison tells.
class Passage {
  public:
    /// Through any table.
    constexpr Passage() : mask_(bits::present | bits::page_size), value_(bits::present) {}
    /// Through tables that withhold none of these rights.
    constexpr explicit Passage(Flags flags) {
        const std::uint64_t leaf = flags.to_leaf(PageSize::size_4k);
        value_ = leaf & (bits::present | bits::writable | bits::user);
        mask_ = value_ | bits::page_size | (~leaf & bits::no_execute);
    }

    constexpr bool leads_on(std::uint64_t raw) const { return (raw & mask_) == value_; }

  private:
    std::uint64_t mask_;
    std::uint64_t value_;
};

}  // namespace nestbed::paging
