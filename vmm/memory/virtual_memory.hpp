// Guest memory as a vCPU's page tables show it, for reading what a linear address points to. Each
// page is walked; nothing outside guest memory is ever touched.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>

#include "shared/paging/page_size.hpp"
#include "shared/paging/walk.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/memory/legacy_walk.hpp"
#include "vmm/memory/paging_state.hpp"

namespace nestbed::vmm {

/// A paging::TableWindow: the entries of a guest's table, null outside guest memory.
struct HostTableWindow {
    std::uint64_t* operator()(paging::Frame4k table) const {
        return reinterpret_cast<std::uint64_t*>(
            memory.at(table.address().raw(), paging::entries_per_table * paging::entry_bytes));
    }

    const GuestMemory& memory;
};

class VirtualMemory {
  public:
    VirtualMemory(const GuestMemory& memory, const PagingState& paging)
        : memory_(&memory), paging_(paging) {}
    /// With 4-level paging.
    VirtualMemory(const GuestMemory& memory, paging::Frame4k root)
        : VirtualMemory(memory, {PagingMode::four_level, root.address().raw()}) {}

    paging::Frame4k root() const { return paging::root_of_cr3(paging_.cr3); }

    /// Copies `destination.size()` bytes; false if any of them is not mapped to memory.
    [[nodiscard]] bool copy(std::uint64_t address, std::span<std::byte> destination) const {
        while (!destination.empty()) {
            const auto source = piece(address, destination.size());
            if (source.empty()) {
                return false;
            }
            std::memcpy(destination.data(), source.data(), source.size());
            destination = destination.subspan(source.size());
            address += source.size();
        }
        return true;
    }

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
    std::optional<std::string> read_string(std::uint64_t address, std::size_t limit = 4096) const {
        std::string text;
        while (text.size() <= limit) {
            const auto source = piece(address + text.size(), limit + 1 - text.size());
            if (source.empty()) {
                return std::nullopt;
            }
            // A copy first: the guest may still write to the original.
            const std::string part(reinterpret_cast<const char*>(source.data()), source.size());
            const std::size_t length = part.find('\0');
            text.append(part, 0, length);
            if (length != std::string::npos) {
                return text;
            }
        }
        return std::nullopt;
    }

  private:
    /// The memory behind `address` up to the end of its 4 KiB page, at most `limit` bytes (not 0);
    /// empty if a supervisor read finds none.
    std::span<const std::byte> piece(std::uint64_t address, std::size_t limit) const {
        const auto physical = translate(paging_.linear(address));
        if (!physical) {
            return {};
        }
        constexpr std::uint64_t page = paging::bytes_of(paging::PageSize::size_4k);
        const std::size_t count = std::min<std::size_t>(page - address % page, limit);
        const std::byte* start = memory_->at(physical->raw(), count);
        return start == nullptr ? std::span<const std::byte>{} : std::span(start, count);
    }

    /// Where a supervisor read goes.
    std::optional<paging::PhysAddr> translate(std::uint64_t linear) const {
        if (paging_.mode == PagingMode::none) {
            return paging::PhysAddr(linear);
        }
        if (!is_long_mode(paging_.mode)) {
            const LegacyWalk walk =
                legacy_walk(*memory_, paging_, static_cast<std::uint32_t>(linear), {}, {});
            return walk.outcome == paging::WalkOutcome::translated ? std::optional(walk.address)
                                                                   : std::nullopt;
        }
        const paging::WindowReader reader{HostTableWindow{*memory_}};
        const paging::WalkResult walk =
            paging::walk(reader, root(), linear, paging::Access{},
                         {.la57 = paging_.mode == PagingMode::five_level});
        return walk.outcome == paging::WalkOutcome::translated
                   ? std::optional(walk.translation.address)
                   : std::nullopt;
    }

    const GuestMemory* memory_;
    PagingState paging_;
};

}  // namespace nestbed::vmm
