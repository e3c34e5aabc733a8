#pragma once

#include <cstddef>

#include "address.hpp"
#include "level.hpp"

namespace nestbed::paging {

/// The part of a run of linear addresses that one entry of a table answers for.
struct EntrySlice {
    std::size_t index;
    VirtAddr first;  ///< First byte.
    VirtAddr last;   ///< Last byte.
    bool whole;      ///< Everything the entry answers for.
};

/// The entries of one table that answer for the addresses `first` to `last`, in order: a range of
/// `EntrySlice`. All these addresses must lead through this table.
class EntrySlices {
  public:
    constexpr EntrySlices(Level level, VirtAddr first, VirtAddr last)
        : shift_(index_shift_of(level)),
          first_(first),
          last_(last),
          begin_(index_of(level, first)),
          end_(index_of(level, last) + 1) {}

    class Iterator {
      public:
        constexpr Iterator(const EntrySlices* slices, std::size_t index)
            : slices_(slices), index_(index) {}
        constexpr EntrySlice operator*() const { return slices_->at(index_); }
        constexpr Iterator& operator++() {
            ++index_;
            return *this;
        }
        friend constexpr bool operator==(const Iterator& a, const Iterator& b) {
            return a.index_ == b.index_;
        }

      private:
        const EntrySlices* slices_;
        std::size_t index_;
    };

    constexpr Iterator begin() const { return {this, begin_}; }
    constexpr Iterator end() const { return {this, end_}; }
    constexpr std::size_t begin_index() const { return begin_; }
    constexpr std::size_t end_index() const { return end_; }

  private:
    constexpr EntrySlice at(std::size_t index) const {
        const std::uint64_t size = std::uint64_t{1} << shift_;
        const VirtAddr table_start(first_.raw() & ~(size * entries_per_table - 1));
        const VirtAddr start = table_start + index * size;
        const VirtAddr last = start + (size - 1);
        const VirtAddr slice_first = start < first_ ? first_ : start;
        const VirtAddr slice_last = last > last_ ? last_ : last;
        return {index, slice_first, slice_last, slice_first == start && slice_last == last};
    }

    unsigned shift_;
    VirtAddr first_;
    VirtAddr last_;
    std::size_t begin_;
    std::size_t end_;
};

}  // namespace nestbed::paging
