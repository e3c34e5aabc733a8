#pragma once

#include <cstdint>

#include "address.hpp"
#include "mapper_settings.hpp"
#include "page_range.hpp"

namespace nestbed::paging {

/// The linear addresses that are canonical and in a mapper's scope, as one interval: a single
/// comparison covers both. Modulo 2^64 the two halves of the address space are one interval around
/// address 0.
class MapperBounds {
  public:
    constexpr explicit MapperBounds(const MapperSettings& settings) {
        const std::uint64_t half = std::uint64_t{1} << (static_cast<unsigned>(settings.width) - 1);
        const bool whole = settings.scope == MapperScope::whole;
        below_zero_ = whole ? half : 0;
        size_ = whole ? 2 * half : half;
    }

    constexpr bool contains(VirtAddr address) const { return address.raw() + below_zero_ < size_; }

    /// Whether it contains every page of a range that is not empty, and these are whole pages.
    constexpr bool contains(const PageRange& range) const {
        return range.start.is_aligned(PageSize::size_4k) && range.is_addressable() &&
               contains(range.start) && contains(range.last()) &&
               range.start.is_upper_half() == range.last().is_upper_half();
    }

  private:
    std::uint64_t below_zero_;
    std::uint64_t size_;
};

}  // namespace nestbed::paging
