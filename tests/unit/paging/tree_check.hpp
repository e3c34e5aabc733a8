// What tests of the mapper look at the tree with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "shared/paging/entry.hpp"
#include "shared/paging/level.hpp"
#include "shared/paging/mappings.hpp"
#include "table_pool.hpp"

namespace nestbed::paging::test {

/// All tables of a pool as they are now, to see that a failure changed nothing.
template <std::size_t Count>
std::vector<std::uint64_t> snapshot(TablePool<Count>& pool) {
    std::vector<std::uint64_t> all;
    for (std::size_t i = 0; i < Count; ++i) {
        const std::uint64_t* entries = pool.entries(TablePool<Count>::frame(i));
        all.insert(all.end(), entries, entries + entries_per_table);
    }
    return all;
}

/// The entry of a level that a linear address leads to; the way there must exist.
template <std::size_t Count>
std::uint64_t& slot(TablePool<Count>& pool, VirtAddr address, Level level,
                    Level root_level = Level::pml4) {
    std::uint64_t* entries = pool.entries(TablePool<Count>::root());
    for (Level at = root_level; at != level; at = below(at)) {
        entries = pool.entries(*Entry<Level::pml4>(entries[index_of(at, address)]).next_table());
    }
    return entries[index_of(level, address)];
}

/// All pages that are mapped in the lower half.
template <std::size_t Count>
std::vector<MappedPage> mapped_pages(TablePool<Count>& pool) {
    std::vector<MappedPage> pages;
    const auto done = for_each_mapping(pool.window(), TablePool<Count>::root(),
                                       LinearWidth::bits_48, lower_half(LinearWidth::bits_48),
                                       [&](const MappedPage& page) { pages.push_back(page); });
    EXPECT_TRUE(done);
    return pages;
}

/// The tables below one, and how many of them have no entry.
struct TableCount {
    std::size_t all = 0;
    std::size_t empty = 0;
};

template <std::size_t Count>
TableCount count_tables(TablePool<Count>& pool, Frame4k table = TablePool<Count>::root(),
                        Level level = Level::pml4) {
    TableCount count;
    bool empty = true;
    const std::uint64_t* entries = pool.entries(table);
    for (std::size_t i = 0; i < entries_per_table; ++i) {
        empty = empty && entries[i] == 0;
        if (kind_of(level, entries[i]) == EntryKind::table) {
            const Frame4k next = *Entry<Level::pml4>(entries[i]).next_table();
            const TableCount beneath = count_tables(pool, next, below(level));
            count.all += 1 + beneath.all;
            count.empty += beneath.empty;
        }
    }
    if (empty && table != TablePool<Count>::root()) {
        ++count.empty;
    }
    return count;
}

}  // namespace nestbed::paging::test
