#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "page_size.hpp"

namespace nestbed::paging {

/// The greatest physical-address width the architecture allows, in bits.
/// Intel SDM Vol. 3A 4.1.4 "Enumeration of Paging Features by CPUID".
inline constexpr unsigned architectural_physical_bits = 52;

/// The width of a linear address in bits: 48 with 4-level paging, 57 with 5-level paging.
enum class LinearWidth : std::uint8_t {
    bits_48 = 48,
    bits_57 = 57,
};

/// Whether every bit of `linear` above the width repeats its most significant used bit.
/// Intel SDM Vol. 1 3.3.7.1 "Canonical Addressing".
constexpr bool is_canonical(std::uint64_t linear, LinearWidth width) {
    // The half of the space is a constant for either width; a variable shift would cost more.
    const std::uint64_t half =
        width == LinearWidth::bits_57 ? std::uint64_t{1} << 56 : std::uint64_t{1} << 47;
    return linear + half < 2 * half;
}

/// A physical address: a plain holder that keeps the value from being taken for another kind.
///
/// It may hold any 64-bit value, since a test wants to name impossible addresses too. What must be
/// possible is checked where it matters: by `within`, by `Frame`, and by the mapper.
class PhysAddr {
  public:
    constexpr PhysAddr() = default;
    constexpr explicit PhysAddr(std::uint64_t raw) : raw_(raw) {}

    /// The address, or nothing if it needs more than `bits` bits (MAXPHYADDR, say).
    static constexpr std::optional<PhysAddr> within(std::uint64_t raw, unsigned bits) {
        if (bits < 64 && (raw >> bits) != 0) {
            return std::nullopt;
        }
        return PhysAddr(raw);
    }

    constexpr std::uint64_t raw() const { return raw_; }

    constexpr bool is_aligned(PageSize size) const { return offset_in(size) == 0; }
    /// The bytes from the start of the page of this size that holds the address.
    constexpr std::uint64_t offset_in(PageSize size) const { return raw_ & offset_mask_of(size); }
    /// The start of the page of this size that holds the address.
    constexpr PhysAddr align_down(PageSize size) const {
        return PhysAddr(raw_ & ~offset_mask_of(size));
    }

    friend constexpr PhysAddr operator+(PhysAddr address, std::uint64_t bytes) {
        return PhysAddr(address.raw_ + bytes);
    }
    friend constexpr auto operator<=>(PhysAddr, PhysAddr) = default;

  private:
    std::uint64_t raw_ = 0;
};

/// A linear address: a plain holder, canonical or not; see `canonical`.
///
/// Whether an address is canonical depends on the paging mode, so the mapper and `walk` check it
/// against theirs.
class VirtAddr {
  public:
    constexpr VirtAddr() = default;
    constexpr explicit VirtAddr(std::uint64_t raw) : raw_(raw) {}

    /// The address, or nothing if it is not canonical for the width.
    static constexpr std::optional<VirtAddr> canonical(std::uint64_t raw, LinearWidth width) {
        if (!paging::is_canonical(raw, width)) {
            return std::nullopt;
        }
        return VirtAddr(raw);
    }

    constexpr std::uint64_t raw() const { return raw_; }

    constexpr bool is_canonical(LinearWidth width) const {
        return paging::is_canonical(raw_, width);
    }
    /// Whether a canonical address lies in the upper half, whose root entries are 256 to 511.
    constexpr bool is_upper_half() const { return (raw_ >> 63) != 0; }

    constexpr bool is_aligned(PageSize size) const { return offset_in(size) == 0; }
    /// The bytes from the start of the page of this size that holds the address.
    constexpr std::uint64_t offset_in(PageSize size) const { return raw_ & offset_mask_of(size); }
    /// The start of the page of this size that holds the address.
    constexpr VirtAddr align_down(PageSize size) const {
        return VirtAddr(raw_ & ~offset_mask_of(size));
    }

    friend constexpr VirtAddr operator+(VirtAddr address, std::uint64_t bytes) {
        return VirtAddr(address.raw_ + bytes);
    }
    friend constexpr auto operator<=>(VirtAddr, VirtAddr) = default;

  private:
    std::uint64_t raw_ = 0;
};

}  // namespace nestbed::paging
