// Page tables that a host is supposed to have, made to be walked: a second stage, a shadow table,
// or a process's own. In the ordinary format with 4 levels; extended page tables have as many
// levels and leaves of the same sizes.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>

#include "shared/paging/frame.hpp"
#include "shared/paging/level.hpp"
#include "shared/paging/page_size.hpp"

namespace nestbed::vmm {

class ModelTables {
  public:
    /// Tables have physical addresses from here on: above any memory of a guest.
    static constexpr std::uint64_t base = std::uint64_t{1} << 44;

    ModelTables();
    ModelTables(const ModelTables&) = delete;
    ModelTables& operator=(const ModelTables&) = delete;

    /// Maps [linear, linear + bytes) for user mode to `physical` and on, with leaves of `leaf`, to
    /// which both addresses are aligned; the last leaf may reach beyond. Throws Error(ours) if
    /// something is mapped there already.
    void map(std::uint64_t linear, std::uint64_t physical, std::uint64_t bytes,
             paging::PageSize leaf);

    paging::Frame4k root() const { return paging::Frame4k::at<base>(); }

    /// The entry at a physical address; nothing if it is in no table.
    std::optional<std::uint64_t> entry_at(paging::PhysAddr address) const;

    // What makes it a paging::TableWindow's and a paging::TableFrameSource's memory.
    std::uint64_t* entries(paging::Frame4k table);
    std::optional<paging::Frame4k> allocate_zeroed();
    /// Only a mapping that fails gives tables back, and then all of them are given up.
    void free_zeroed(paging::Frame4k) {}

  private:
    std::deque<std::array<std::uint64_t, paging::entries_per_table>> tables_;
};

}  // namespace nestbed::vmm
