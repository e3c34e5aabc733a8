// The entry library at the work that c_page_tables.h times: each function does what the one with
// c_ before its name does, and returns the same sum.
#pragma once

#include <cstdint>
#include <optional>

#include "bench/c_page_tables.h"
#include "shared/paging/mapper.hpp"

namespace nestbed::bench {

/// The tables' memory as the library wants to see it.
struct DirectMapWindow {
    [[gnu::returns_nonnull]] std::uint64_t* operator()(paging::Frame4k table) const {
        return reinterpret_cast<std::uint64_t*>(TABLE_MEMORY_DIRECT_MAP + table.address().raw());
    }
};

class TableFrames {
  public:
    explicit TableFrames(table_memory& memory) : memory_(&memory) {}

    std::optional<paging::Frame4k> allocate_zeroed() {
        const std::uint64_t frame = table_memory_take_zeroed(memory_);
        return frame != 0 ? std::optional(*paging::Frame4k::from(paging::PhysAddr(frame)))
                          : std::nullopt;
    }
    /// Frames are taken back all at once, between repetitions.
    void free_zeroed(paging::Frame4k /*table*/) {}

  private:
    table_memory* memory_;
};

using Mapper = paging::Mapper<DirectMapWindow, TableFrames>;

using LibraryWork = std::uint64_t(Mapper& mapper, c_pages pages);

LibraryWork map_each, lookup_each, protect_each, unmap_each, map_all;

}  // namespace nestbed::bench
