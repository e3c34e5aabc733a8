// The entry library's view of a guest's page tables from the host.
#pragma once

#include <cstdint>
#include <optional>

#include "shared/paging/frame.hpp"
#include "shared/paging/level.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm {

/// A paging::TableWindow: a table's entries, null outside guest memory.
class HostTableWindow {
  public:
    explicit HostTableWindow(const GuestMemory& memory) : memory_(&memory) {}

    std::uint64_t* operator()(paging::Frame4k table) const {
        return reinterpret_cast<std::uint64_t*>(
            memory_->at(table.address().raw(), paging::entries_per_table * paging::entry_bytes));
    }

  private:
    const GuestMemory* memory_;
};

}  // namespace nestbed::vmm
