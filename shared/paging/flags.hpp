#pragma once

#include <cstdint>
#include <optional>

#include "bits.hpp"
#include "permission.hpp"

namespace nestbed::paging {

/// What a raw present entry grants: the same bits at every level, in tables and leaves.
constexpr Permission permission_of(std::uint64_t raw) {
    constexpr std::uint64_t low = bits::present | bits::writable | bits::user;
    constexpr unsigned no_execute_shift = 63;
    constexpr unsigned execute_shift = 3;
    static_assert(bits::no_execute == std::uint64_t{1} << no_execute_shift);
    static_assert(static_cast<unsigned>(Permission::execute) == 1u << execute_shift);
    return static_cast<Permission>((raw & low) | (~raw >> no_execute_shift << execute_shift));
}

/// How a page is mapped, whatever its size: permission, memory type, global, protection key.
///
/// It holds none of what the processor writes (accessed, dirty) nor what software keeps in the
/// available bits; changing the flags of an entry leaves those alone. The bits are kept as a 4 KiB
/// leaf has them, so that making an entry of it takes no decoding.
class Flags {
    static constexpr std::uint64_t low_permission = bits::present | bits::writable | bits::user;
    static constexpr std::uint64_t permission_bits = low_permission | bits::no_execute;

  public:
    /// The bits of a 4 KiB leaf that belong to the flags.
    static constexpr std::uint64_t mask = permission_bits | bits::write_through |
                                          bits::cache_disable | bits::pat_4k | bits::global |
                                          bits::protection_key;

    /// The bits of a leaf that maps this size that belong to the flags or, as PS, to its form.
    static constexpr std::uint64_t leaf_mask(PageSize size) {
        return size == PageSize::size_4k ? mask : (mask | bits::page_size | bits::pat_large);
    }

    /// A page with this permission, write-back under the reset value of the PAT, not global, key 0.
    constexpr explicit Flags(Permission permission)
        : bits_((static_cast<std::uint64_t>(permission) & low_permission) |
                (contains(permission, Permission::execute) ? 0 : bits::no_execute)) {}

    /// The flags in a raw leaf entry that maps this size; its other bits are left out.
    static constexpr Flags of_leaf(PageSize size, std::uint64_t raw) {
        if (size == PageSize::size_4k) {
            return Flags(raw & mask, Raw{});
        }
        std::uint64_t kept = raw & (mask & ~bits::pat_4k);
        if ((raw & bits::pat(size)) != 0) {
            kept |= bits::pat_4k;
        }
        return Flags(kept, Raw{});
    }

    /// The flags as the bits of a leaf that maps this size, without its frame.
    constexpr std::uint64_t to_leaf(PageSize size) const {
        if (size == PageSize::size_4k) {
            return bits_;
        }
        constexpr unsigned pat_distance = 5;
        static_assert(bits::pat_4k << pat_distance == bits::pat_large);
        return (bits_ & ~bits::pat_4k) | ((bits_ & bits::pat_4k) << pat_distance) | bits::page_size;
    }

    constexpr Permission permission() const { return permission_of(bits_); }
    constexpr Flags with_permission(Permission permission) const {
        return replace(permission_bits, Flags(permission).bits_);
    }

    constexpr bool write_through() const { return (bits_ & bits::write_through) != 0; }
    constexpr Flags with_write_through(bool on = true) const {
        return replace(bits::write_through, on ? bits::write_through : 0);
    }

    constexpr bool cache_disable() const { return (bits_ & bits::cache_disable) != 0; }
    constexpr Flags with_cache_disable(bool on = true) const {
        return replace(bits::cache_disable, on ? bits::cache_disable : 0);
    }

    constexpr bool pat() const { return (bits_ & bits::pat_4k) != 0; }
    constexpr Flags with_pat(bool on = true) const {
        return replace(bits::pat_4k, on ? bits::pat_4k : 0);
    }

    /// The entry of IA32_PAT, 0 to 7, that gives the memory type: PAT, PCD, PWT.
    /// Intel SDM Vol. 3A 4.9.2 "Paging and Memory Typing When the PAT is Supported".
    constexpr unsigned pat_index() const {
        return (pat() ? 4u : 0u) | (cache_disable() ? 2u : 0u) | (write_through() ? 1u : 0u);
    }

    constexpr bool global() const { return (bits_ & bits::global) != 0; }
    constexpr Flags with_global(bool on = true) const {
        return replace(bits::global, on ? bits::global : 0);
    }

    /// The protection key, 0 to 15. Intel SDM Vol. 3A 4.6.2 "Protection Keys".
    constexpr unsigned protection_key() const {
        return static_cast<unsigned>((bits_ & bits::protection_key) >> bits::protection_key_shift);
    }
    /// Nothing if the key is above 15.
    constexpr std::optional<Flags> with_protection_key(unsigned key) const {
        if (key > 15) {
            return std::nullopt;
        }
        return replace(bits::protection_key, std::uint64_t{key} << bits::protection_key_shift);
    }

    friend constexpr bool operator==(Flags, Flags) = default;

  private:
    struct Raw {};

    constexpr Flags(std::uint64_t raw, Raw) : bits_(raw) {}

    constexpr Flags replace(std::uint64_t field, std::uint64_t value) const {
        return Flags((bits_ & ~field) | value, Raw{});
    }

    std::uint64_t bits_;
};

static_assert(static_cast<std::uint64_t>(Permission::read) == bits::present);
static_assert(static_cast<std::uint64_t>(Permission::write) == bits::writable);
static_assert(static_cast<std::uint64_t>(Permission::user) == bits::user);
static_assert(sizeof(Flags) == sizeof(std::uint64_t));

}  // namespace nestbed::paging
