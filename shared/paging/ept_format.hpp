#pragma once

#include <cstdint>

#include "address.hpp"
#include "bits.hpp"
#include "entry_format.hpp"
#include "level.hpp"

/// The bits of the entries of the EPT paging structures, as masks of the 64-bit entry. The address
/// fields are those of `bits`.
///
/// Intel SDM Vol. 3C "EPT Translation Mechanism", tables "Format of an EPT ... Entry".
namespace nestbed::paging::ept_bits {

inline constexpr std::uint64_t read = bits::range(0, 0);
inline constexpr std::uint64_t write = bits::range(1, 1);
/// With mode-based execute control: for supervisor-mode linear addresses only.
inline constexpr std::uint64_t execute = bits::range(2, 2);
/// In leaf entries; reserved in table entries.
inline constexpr std::uint64_t memory_type = bits::range(3, 5);
inline constexpr unsigned memory_type_shift = 3;
/// In leaf entries; reserved in table entries.
inline constexpr std::uint64_t ignore_pat = bits::range(6, 6);
/// At PDPT and PD: a leaf if set. Reserved above the PDPT, ignored in a PT.
inline constexpr std::uint64_t page_size = bits::range(7, 7);
/// Written by the processor only if bit 6 of the EPTP is set; ignored otherwise.
inline constexpr std::uint64_t accessed = bits::range(8, 8);
/// In leaf entries; like `accessed`.
inline constexpr std::uint64_t dirty = bits::range(9, 9);
/// With mode-based execute control: for user-mode linear addresses. Ignored otherwise.
inline constexpr std::uint64_t user_execute = bits::range(10, 10);
/// In leaf entries and in those not present: an EPT violation here is no #VE.
inline constexpr std::uint64_t suppress_ve = bits::range(63, 63);

}  // namespace nestbed::paging::ept_bits

namespace nestbed::paging {

/// The memory type of an EPT leaf. A raw entry may hold 2, 3 or 7 too, which are reserved.
/// Intel SDM Vol. 3C "Memory Type Used for Translated Guest-Physical Addresses".
enum class EptMemoryType : std::uint8_t {
    uncacheable = 0,
    write_combining = 1,
    write_through = 4,
    write_protected = 5,
    write_back = 6,
};

/// What of the processor and the VM-execution controls decides which EPT entries are well formed.
///
/// The defaults refuse least. Intel SDM Vol. 3D "VPID and EPT Capabilities".
struct EptFormat {
    /// MAXPHYADDR: address bits from here to 51 are reserved.
    std::uint8_t maxphyaddr = architectural_physical_bits;
    /// IA32_VMX_EPT_VPID_CAP[0]: an entry may grant execution without reading.
    bool execute_only = true;
    /// IA32_VMX_EPT_VPID_CAP[16]: if clear, bit 7 is reserved in a PD entry.
    bool pages_2m = true;
    /// IA32_VMX_EPT_VPID_CAP[17]: if clear, bit 7 is reserved in a PDPT entry.
    bool pages_1g = true;
    /// The control "mode-based execute control for EPT": bit 10 is a permission of its own.
    bool mode_based_execute = false;
};

/// The bits that grant something; an entry with none of them is not present.
constexpr std::uint64_t ept_permission_bits(const EptFormat& format) {
    const std::uint64_t user_execute = format.mode_based_execute ? ept_bits::user_execute : 0;
    return ept_bits::read | ept_bits::write | ept_bits::execute | user_execute;
}

/// The form of a raw EPT entry of a level. Intel SDM Vol. 3C "EPT Translation Mechanism".
constexpr EntryKind ept_kind_of(Level level, std::uint64_t raw, const EptFormat& format) {
    if ((raw & ept_permission_bits(format)) == 0) {
        return EntryKind::not_present;
    }
    if (level == Level::pt) {
        return EntryKind::leaf;
    }
    if ((raw & ept_bits::page_size) == 0) {
        return EntryKind::table;
    }
    return can_be_leaf(level) ? EntryKind::leaf : EntryKind::malformed;
}

namespace detail {

/// The bits set that grant something which may not be granted without reading.
constexpr std::uint64_t ept_grants_without_read(std::uint64_t raw, const EptFormat& format) {
    if ((raw & ept_bits::read) != 0) {
        return 0;
    }
    const std::uint64_t may_stand_alone =
        format.execute_only ? ept_bits::execute | ept_bits::user_execute : std::uint64_t{0};
    return raw & ept_permission_bits(format) & ~may_stand_alone;
}

/// The bits that must be zero in this present entry, memory types aside.
constexpr std::uint64_t ept_reserved_bits(Level level, EntryKind kind, const EptFormat& format) {
    std::uint64_t reserved = bits::range(format.maxphyaddr, architectural_physical_bits - 1);
    if (kind != EntryKind::leaf) {
        return reserved | ept_bits::memory_type | ept_bits::ignore_pat | ept_bits::page_size;
    }
    const bool has_large = level == Level::pdpt ? format.pages_1g : format.pages_2m;
    if (level > Level::pt && !has_large) {
        reserved |= ept_bits::page_size;
    }
    return reserved | bits::range(12, index_shift_of(level) - 1);
}

constexpr bool is_reserved_memory_type(std::uint64_t raw) {
    const std::uint64_t type = (raw & ept_bits::memory_type) >> ept_bits::memory_type_shift;
    return type == 2 || type == 3 || type == 7;
}

}  // namespace detail

/// The bits set in a raw entry of a level that make it an EPT misconfiguration; 0 if the entry is
/// well formed or not present. For a reserved memory type, the bits of the type that are set.
///
/// Intel SDM Vol. 3C "EPT Misconfigurations".
constexpr std::uint64_t ept_misconfigured_bits(Level level, std::uint64_t raw,
                                               const EptFormat& format) {
    const EntryKind kind = ept_kind_of(level, raw, format);
    if (kind == EntryKind::not_present) {
        return 0;
    }
    std::uint64_t wrong = raw & detail::ept_reserved_bits(level, kind, format);
    wrong |= detail::ept_grants_without_read(raw, format);
    if (kind == EntryKind::leaf && detail::is_reserved_memory_type(raw)) {
        wrong |= raw & ept_bits::memory_type;
    }
    return wrong;
}

}  // namespace nestbed::paging
