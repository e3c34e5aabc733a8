#include "vmm/model/model_tables.hpp"

#include "shared/paging/mapper.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

using paging::Frame4k;
using paging::PhysAddr;
using paging::VirtAddr;

constexpr std::uint64_t table_bytes = paging::bytes_of(paging::PageSize::size_4k);

}  // namespace

ModelTables::ModelTables() { tables_.emplace_back(); }

std::uint64_t* ModelTables::entries(Frame4k table) {
    const std::uint64_t number = (table.address().raw() - base) / table_bytes;
    return number < tables_.size() ? tables_[number].data() : nullptr;
}

std::optional<Frame4k> ModelTables::allocate_zeroed() {
    const std::uint64_t address = base + tables_.size() * table_bytes;
    tables_.emplace_back();
    return Frame4k::from(PhysAddr(address)).value();
}

std::optional<std::uint64_t> ModelTables::entry_at(PhysAddr address) const {
    const std::uint64_t offset = address.raw() - base;
    const std::uint64_t number = offset / table_bytes;
    if (number >= tables_.size()) {
        return std::nullopt;
    }
    return tables_[number][offset % table_bytes / paging::entry_bytes];
}

void ModelTables::map(std::uint64_t linear, std::uint64_t physical, std::uint64_t bytes,
                      paging::PageSize leaf) {
    using enum paging::Permission;
    paging::Mapper mapper(
        {.root = root()}, [&](Frame4k table) { return entries(table); }, *this);
    const std::uint64_t step = paging::bytes_of(leaf);
    const paging::PageRange range{VirtAddr(linear), (bytes + step - 1) / step, leaf};
    const auto frame = Frame4k::from(PhysAddr(physical));
    const auto result =
        mapper.map_range(range, *frame, paging::Flags(read | write | user | execute), leaf);
    if (!result) {
        throw_error(ErrorKind::ours, "the model cannot map {:#x} to {:#x}: {}", linear, physical,
                    paging::name_of(result.error().kind));
    }
}

}  // namespace nestbed::vmm
