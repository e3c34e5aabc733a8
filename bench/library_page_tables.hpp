// The entry library at the work that c_page_tables.h times: each function does the same for the
// same pages and returns the same sum.
#pragma once

#include <cstdint>
#include <optional>

#include "bench/table_memory.h"
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

std::uint64_t map_each(Mapper& mapper, std::uint64_t linear, std::uint64_t physical,
                       std::uint64_t pages, paging::Flags flags);
std::uint64_t lookup_each(const Mapper& mapper, std::uint64_t linear, std::uint64_t pages);
std::uint64_t protect_each(Mapper& mapper, std::uint64_t linear, std::uint64_t pages,
                           paging::Flags flags);
std::uint64_t unmap_each(Mapper& mapper, std::uint64_t linear, std::uint64_t pages);
std::uint64_t map_all(Mapper& mapper, std::uint64_t linear, std::uint64_t physical,
                      std::uint64_t pages, paging::Flags flags);

}  // namespace nestbed::bench
