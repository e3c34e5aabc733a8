// Guest physical memory: a guest address becomes host memory here, checked, or nowhere.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include "vmm/memory/backing.hpp"

namespace nestbed::vmm {

/// Where memory goes on that has no room below the hole for devices, as on a PC.
inline constexpr std::uint64_t high_memory = 4ULL << 30;

class GuestMemory {
  public:
    /// From guest physical address 0 on, `below` bytes of it; the rest from high_memory on.
    GuestMemory(HostMemory host, std::uint64_t below)
        : host_(std::move(host)), below_(std::min(below, host_.size())) {}
    /// All of it from 0 on.
    explicit GuestMemory(HostMemory host) : host_(std::move(host)), below_(host_.size()) {}

    std::uint64_t size() const { return host_.size(); }
    /// Bytes from 0 on, and from high_memory on.
    std::uint64_t size_below() const { return below_; }
    std::uint64_t size_above() const { return host_.size() - below_; }
    const HostMemory& host() const { return host_; }

    /// The host memory behind [physical, physical + length), or null if any of it is outside.
    std::byte* at(std::uint64_t physical, std::uint64_t length) const {
        const bool is_high = size_above() != 0 && physical >= high_memory;
        const std::uint64_t offset = is_high ? physical - high_memory : physical;
        const std::uint64_t size_there = is_high ? size_above() : below_;
        if (offset > size_there || length > size_there - offset) {
            return nullptr;
        }
        return static_cast<std::byte*>(host_.address()) + (is_high ? below_ : 0) + offset;
    }

    /// A copy of what is at `physical`, which the guest may change: check the copy, read once.
    template <typename T>
    requires std::is_trivially_copyable_v<T> std::optional<T> read(std::uint64_t physical)
    const {
        const std::byte* source = at(physical, sizeof(T));
        if (source == nullptr) {
            return std::nullopt;
        }
        T value;
        std::memcpy(&value, source, sizeof value);
        return value;
    }

    template <typename T>
    requires std::is_trivially_copyable_v<T>
    [[nodiscard]] bool write(std::uint64_t physical, const T& value) {
        std::byte* destination = at(physical, sizeof(T));
        if (destination == nullptr) {
            return false;
        }
        std::memcpy(destination, &value, sizeof value);
        return true;
    }

  private:
    HostMemory host_;
    std::uint64_t below_;
};

}  // namespace nestbed::vmm
