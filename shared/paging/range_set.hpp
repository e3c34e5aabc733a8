#pragma once

#include <cstddef>
#include <cstdint>

#include "invalidation.hpp"
#include "page_range.hpp"

namespace nestbed::paging {

/// A few ranges of pages to invalidate in one address space, or all of it.
///
/// Ranges of one page size that touch or overlap become one. Ranges of different sizes stay apart:
/// one INVLPG drops a whole large page, while its addresses by 4 KiB take 512. Where the sizes
/// overlap the finer rules, since INVLPG of any address in a large page drops all of that as well
/// (Intel SDM Vol. 3A 4.10.4.1): the larger range gives up the pages at its ends that a finer one
/// reaches into. Those in its middle it keeps, as an INVLPG too many is cheaper than a range.
///
/// With more than `max_pages` pages, or more ranges than it has room for, it becomes "everything":
/// then one full flush is cheaper than many single ones.
class RangeSet {
  public:
    static constexpr std::size_t max_ranges = 8;

    constexpr explicit RangeSet(std::uint64_t max_pages = max_single_invalidations)
        : max_pages_(max_pages) {}

    constexpr void add(PageRange range) {
        if (everything_) {
            return;
        }
        std::size_t kept = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            PageRange other = ranges_[i];
            if (other.size == range.size && touch(range, other)) {
                range = united(range, other);
                continue;
            }
            give_up_ends(other, range);
            give_up_ends(range, other);
            if (!other.empty()) {
                ranges_[kept++] = other;
            }
        }
        count_ = kept;
        if (range.empty()) {
            return;
        }
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
    /// Whether no page lies between the two.
    static constexpr bool touch(const PageRange& a, const PageRange& b) {
        if (a.empty() || b.empty()) {
            return false;
        }
        const PageRange& lower = a.start <= b.start ? a : b;
        const PageRange& upper = a.start <= b.start ? b : a;
        return upper.start.raw() - 1 <= lower.last().raw() || upper.start == lower.start;
    }

    /// Of two that touch and have pages of one size.
    static constexpr PageRange united(const PageRange& a, const PageRange& b) {
        const VirtAddr start = a.start <= b.start ? a.start : b.start;
        const VirtAddr last = a.last() >= b.last() ? a.last() : b.last();
        return {start, ((last.raw() - start.raw()) >> shift_of(a.size)) + 1, a.size};
    }

    /// Takes the pages off the ends of `range` that `finer` reaches into, if its pages are finer.
    static constexpr void give_up_ends(PageRange& range, const PageRange& finer) {
        if (range.empty() || finer.empty() || range.size <= finer.size ||
            finer.last() < range.start || range.last() < finer.start) {
            return;
        }
        const auto page_of = [&](VirtAddr address) {
            return (address.raw() - range.start.raw()) >> shift_of(range.size);
        };
        const std::uint64_t begin = finer.start <= range.start ? 0 : page_of(finer.start);
        const std::uint64_t end =
            finer.last() >= range.last() ? range.pages : page_of(finer.last()) + 1;
        if (begin == 0) {
            range.start = range.start + end * bytes_of(range.size);
            range.pages -= end;
        } else if (end == range.pages) {
            range.pages = begin;
        }
    }

    PageRange ranges_[max_ranges] = {};
    std::size_t count_ = 0;
    std::uint64_t max_pages_;
    bool everything_ = false;
};

}  // namespace nestbed::paging
