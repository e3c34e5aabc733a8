// Guest physical memory: a guest address becomes host memory here, checked, or nowhere.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <type_traits>

#include "vmm/memory/backing.hpp"

namespace nestbed::vmm {

class GuestMemory {
  public:
    explicit GuestMemory(HostMemory host) : host_(std::move(host)) {}

    std::uint64_t size() const { return host_.size(); }
    const HostMemory& host() const { return host_; }

    /// The host memory behind [physical, physical + length), or null if any of it is outside.
    std::byte* at(std::uint64_t physical, std::uint64_t length) const {
        if (physical > size() || length > size() - physical) {
            return nullptr;
        }
        return static_cast<std::byte*>(host_.address()) + physical;
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
};

}  // namespace nestbed::vmm
