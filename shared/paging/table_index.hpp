#pragma once

#include <compare>
#include <cstddef>

#include "level.hpp"
#include "result.hpp"

namespace nestbed::paging {

/// The index, 0 to 511, of an entry in a table of one level. An index of another level is another
/// type, so a PML4 index cannot select in a PDPT.
template <Level L>
class TableIndex {
  public:
    static constexpr Level level = L;

    /// The index that a linear address selects at this level.
    static constexpr TableIndex of(VirtAddr address) { return TableIndex(index_of(L, address)); }

    /// The index with this number. Errors: `out_of_range` from 512.
    static constexpr Result<TableIndex> from(std::size_t number) {
        if (number >= entries_per_table) {
            return Error{.kind = ErrorKind::out_of_range, .level = L};
        }
        return TableIndex(number);
    }

    /// An index known when compiling; a wrong number does not compile.
    template <std::size_t number>
    static constexpr TableIndex at() {
        static_assert(number < entries_per_table, "a table has 512 entries");
        return TableIndex(number);
    }

    constexpr std::size_t value() const { return value_; }

    friend constexpr auto operator<=>(TableIndex, TableIndex) = default;

  private:
    constexpr explicit TableIndex(std::size_t value) : value_(value) {}

    std::size_t value_;
};

}  // namespace nestbed::paging
