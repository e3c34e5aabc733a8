#pragma once

#include <cstddef>
#include <cstdint>

#include "invalidation.hpp"
#include "page_range.hpp"

namespace nestbed::paging {

/// A few ranges of pages to invalidate in one address space, or all of it.
///
/// Ranges of one page size that touch or overlap become one. Ranges of different sizes that only
/// touch stay apart: one INVLPG drops a whole large page, while its addresses by 4 KiB take 512.
/// Where sizes overlap, the page size has changed, and processors may have translations of either
/// under several page numbers; then only an INVLPG for each of the smaller pages drops all of them
/// (Intel SDM Vol. 3A 4.10.4.2), and the two become one range of those.
///
/// With more than `max_pages` pages, or more ranges than it has room for, it becomes "everything":
/// then one full flush is cheaper than many single ones.
class RangeSet {
  public:
    static constexpr std::size_t max_ranges = 8;

    constexpr explicit RangeSet(std::uint64_t max_pages = max_single_invalidations)
        : max_pages_(max_pages) {}

    constexpr void add(PageRange range) {
        if (everything_ || range.empty()) {
            return;
        }
        std::size_t kept = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            const PageRange other = ranges_[i];
            if (other.size == range.size ? touch(range, other) : overlap(range, other)) {
                range = united(range, other);
            } else {
                ranges_[kept++] = other;
            }
        }
        count_ = kept;
        if (count_ == max_ranges) {
            add_everything();
            return;
        }
        ranges_[count_++] = range;
        if (pages() > max_pages_) {
            add_everything();
        }
    }

    constexpr void add_everything() {
        everything_ = true;
        count_ = 0;
    }

    constexpr void clear() {
        everything_ = false;
        count_ = 0;
    }

    /// Whether the whole address space is to be flushed; then there are no ranges.
    constexpr bool everything() const { return everything_; }
    constexpr bool empty() const { return !everything_ && count_ == 0; }

    constexpr const PageRange* begin() const { return ranges_; }
    constexpr const PageRange* end() const { return ranges_ + count_; }
    constexpr std::size_t size() const { return count_; }

    /// The request to invalidate it all in an address space. It refers to this set.
    constexpr Invalidation in(AddressSpaceId space) const {
        return everything_ ? Invalidation::of_everything(space)
                           : Invalidation::of(space, ranges_, count_);
    }

    /// The pages of all ranges, each at its range's size: how many single invalidations they take.
    constexpr std::uint64_t pages() const {
        std::uint64_t total = 0;
        for (const PageRange& range : *this) {
            total += range.pages;
        }
        return total;
    }

  private:
    // Of ranges that are not empty.

    static constexpr bool overlap(const PageRange& a, const PageRange& b) {
        return a.start <= b.last() && b.start <= a.last();
    }
    /// Whether no page lies between the two.
    static constexpr bool touch(const PageRange& a, const PageRange& b) {
        const PageRange& lower = a.start <= b.start ? a : b;
        const PageRange& upper = a.start <= b.start ? b : a;
        return overlap(a, b) || upper.start.raw() - 1 == lower.last().raw();
    }

    /// Of two without a gap, in pages of the smaller size.
    static constexpr PageRange united(const PageRange& a, const PageRange& b) {
        const VirtAddr start = a.start <= b.start ? a.start : b.start;
        const VirtAddr last = a.last() >= b.last() ? a.last() : b.last();
        const PageSize size = a.size <= b.size ? a.size : b.size;
        return {start, ((last.raw() - start.raw()) >> shift_of(size)) + 1, size};
    }

    PageRange ranges_[max_ranges] = {};
    std::size_t count_ = 0;
    std::uint64_t max_pages_;
    bool everything_ = false;
};

}  // namespace nestbed::paging
