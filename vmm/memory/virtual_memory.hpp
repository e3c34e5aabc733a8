// Guest memory as the guest's page tables show it, for reading what a guest address points to. Each
// page is walked by the entry library; nothing outside guest memory is ever touched.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "shared/paging/frame.hpp"
#include "shared/paging/level.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm {

/// A paging::TableWindow: the entries of a guest's table, null outside guest memory.
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

class VirtualMemory {
  public:
    VirtualMemory(const GuestMemory& memory, paging::Frame4k root,
                  paging::Level root_level = paging::Level::pml4)
        : memory_(&memory), root_(root), root_level_(root_level) {}

    paging::Frame4k root() const { return root_; }

    /// Copies `destination.size()` bytes; false if any of them is not mapped to memory.
    [[nodiscard]] bool copy(std::uint64_t address, std::span<std::byte> destination) const;

    template <typename T>
    requires std::is_trivially_copyable_v<T> std::optional<T> read(std::uint64_t address)
    const {
        T value;
        if (!copy(address, std::as_writable_bytes(std::span(&value, 1)))) {
            return std::nullopt;
        }
        return value;
    }

    /// A zero-terminated string of at most `limit` bytes; nothing if it is longer or not mapped.
    std::optional<std::string> read_string(std::uint64_t address, std::size_t limit = 4096) const;

  private:
    /// The memory behind `address` up to the end of its 4 KiB page, at most `limit` bytes (not 0);
    /// empty if a supervisor read finds none.
    std::span<const std::byte> piece(std::uint64_t address, std::size_t limit) const;

    const GuestMemory* memory_;
    paging::Frame4k root_;
    paging::Level root_level_;
};

}  // namespace nestbed::vmm
