#include "tests/model/mapped_tables.hpp"

namespace nestbed::model {

namespace {

constexpr std::uint64_t page_bytes = paging::bytes_of(paging::PageSize::size_4k);

Leaf leaf_of(std::uint64_t entry, paging::PageSize size, std::uint64_t page) {
    if ((entry & paging::bits::present) == 0) {
        return {};
    }
    const std::uint64_t first = (entry & paging::bits::leaf_frame(size)) / page_bytes;
    return {first + page % (bytes_of(size) / page_bytes), (entry & paging::bits::writable) != 0};
}

}  // namespace

std::uint64_t* MappedTables::Window::operator()(paging::Frame4k table) const {
    return tables->tables_[table.number() - first_number].data();
}

std::optional<paging::Frame4k> MappedTables::Source::allocate_zeroed() {
    const std::uint64_t number = first_number + tables->tables_.size();
    tables->tables_.emplace_back();
    return *paging::Frame4k::from(paging::PhysAddr(number * page_bytes));
}

PagingStructures::Way MappedTables::way_to(std::uint64_t page) const {
    using paging::Level;
    const paging::VirtAddr address(page * page_bytes);
    std::uint64_t table = mapper_.settings().root.number();
    for (Level level = Level::pml4; level != Level::pt; level = below(level)) {
        const std::uint64_t entry = entries(table)[index_of(level, address)];
        if (kind_of(level, entry) != paging::EntryKind::table) {
            return {.large = leaf_of(entry, leaf_size_of(level), page)};
        }
        table = (entry & paging::bits::table_frame) / page_bytes;
    }
    return {.table = table};
}

Leaf MappedTables::leaf(std::uint64_t table, std::uint64_t page) const {
    return leaf_of(entries(table)[page % paging::entries_per_table], paging::PageSize::size_4k,
                   page);
}

}  // namespace nestbed::model
