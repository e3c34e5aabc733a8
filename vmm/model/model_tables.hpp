// Page tables that a host is supposed to have, made to be walked: a second stage, a shadow table,
// or a process's own. In the ordinary format with 4 levels; extended page tables have as many
// levels and leaves of the same sizes.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "shared/paging/mapper.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::vmm {

class ModelTables {
  public:
    /// Tables have physical addresses from here on: above any memory of a guest.
    static constexpr std::uint64_t base = std::uint64_t{1} << 44;

    ModelTables() { tables_.emplace_back(); }
    ModelTables(const ModelTables&) = delete;
    ModelTables& operator=(const ModelTables&) = delete;

    /// Maps [linear, linear + bytes) for user mode to `physical` and on, with leaves of `leaf`, to
    /// which both addresses are aligned; the last leaf may reach beyond. Throws Error(ours) if
    /// something is mapped there already.
    void map(std::uint64_t linear, std::uint64_t physical, std::uint64_t bytes,
             paging::PageSize leaf) {
        using enum paging::Permission;
        paging::Mapper mapper(
            {.root = root()}, [&](paging::Frame4k table) { return entries(table); }, *this);
        const std::uint64_t step = paging::bytes_of(leaf);
        const paging::PageRange range{paging::VirtAddr(linear), (bytes + step - 1) / step, leaf};
        const auto result =
            mapper.map_range(range, *paging::Frame4k::from(paging::PhysAddr(physical)),
                             paging::Flags(read | write | user | execute), leaf);
        if (!result) {
            throw_error(ErrorKind::ours, "the model cannot map {:#x} to {:#x}: {}", linear,
                        physical, paging::name_of(result.error().kind));
        }
    }

    paging::Frame4k root() const { return paging::Frame4k::at<base>(); }

    /// The entry at a physical address; nothing if it is in no table.
    std::optional<std::uint64_t> entry_at(paging::PhysAddr address) const {
        const std::uint64_t offset = address.raw() - base;
        const std::uint64_t number = offset / table_bytes;
        if (number >= tables_.size()) {
            return std::nullopt;
        }
        return tables_[number][offset % table_bytes / paging::entry_bytes];
    }

    // What makes it a paging::TableWindow's and a paging::TableFrameSource's memory.
    std::uint64_t* entries(paging::Frame4k table) {
        const std::uint64_t number = (table.address().raw() - base) / table_bytes;
        return number < tables_.size() ? tables_[number].data() : nullptr;
    }
    std::optional<paging::Frame4k> allocate_zeroed() {
        const std::uint64_t address = base + tables_.size() * table_bytes;
        tables_.emplace_back();
        return *paging::Frame4k::from(paging::PhysAddr(address));
    }
    /// Only a mapping that fails gives tables back, and then all of them are given up.
    void free_zeroed(paging::Frame4k) {}

  private:
    static constexpr std::uint64_t table_bytes = paging::bytes_of(paging::PageSize::size_4k);

    std::deque<std::array<std::uint64_t, paging::entries_per_table>> tables_;
};

}  // namespace nestbed::vmm
