#pragma once

#include <cstdint>

#include "entry.hpp"
#include "level.hpp"
#include "table_index.hpp"

namespace nestbed::paging {

/// One paging structure of level `L`: 512 entries, 4 KiB, aligned to 4 KiB, at first all zero.
///
/// All accesses are plain, for a table that no processor walks yet. A live table is changed through
/// the mapper or a `TableView`.
template <Level L>
class alignas(4096) Table {
  public:
    static constexpr Level level = L;

    constexpr Entry<L> get(TableIndex<L> index) const { return Entry<L>(entries_[index.value()]); }
    constexpr void set(TableIndex<L> index, Entry<L> entry) {
        entries_[index.value()] = entry.raw();
    }

    /// Replaces an entry and returns what was there.
    constexpr Entry<L> exchange(TableIndex<L> index, Entry<L> entry) {
        const Entry<L> old = get(index);
        set(index, entry);
        return old;
    }
    /// Zeroes an entry and returns what was there.
    constexpr Entry<L> clear(TableIndex<L> index) { return exchange(index, Entry<L>()); }

    /// The index that a linear address selects here.
    static constexpr TableIndex<L> index_of(VirtAddr address) { return TableIndex<L>::of(address); }

    /// The raw entries, as a window (see `TableWindow`) hands them out.
    constexpr std::uint64_t* data() { return entries_; }
    constexpr const std::uint64_t* data() const { return entries_; }

  private:
    std::uint64_t entries_[entries_per_table] = {};
};

static_assert(sizeof(Table<Level::pt>) == 4096 && alignof(Table<Level::pt>) == 4096);

}  // namespace nestbed::paging
