#pragma once

#include <cstdint>

#include "bits.hpp"
#include "level.hpp"

namespace nestbed::paging {

/// What the decoded form of an entry is.
enum class EntryKind : std::uint8_t {
    not_present,  ///< P = 0: the processor ignores all other bits.
    table,        ///< Refers to a table of the level below.
    leaf,         ///< Maps a page.
    malformed,    ///< Present with PS = 1 above the PDPT, where no leaf exists.
};

/// The form of a raw entry of a level. Intel SDM Vol. 3A 4.5.4.
constexpr EntryKind kind_of(Level level, std::uint64_t raw) {
    if ((raw & bits::present) == 0) {
        return EntryKind::not_present;
    }
    if (level == Level::pt) {
        return EntryKind::leaf;
    }
    if ((raw & bits::page_size) == 0) {
        return EntryKind::table;
    }
    return can_be_leaf(level) ? EntryKind::leaf : EntryKind::malformed;
}

/// What of the processor and its control registers decides which bits of an entry are reserved.
///
/// The defaults reserve least. Intel SDM Vol. 3A 4.5.4 and 4.1.4.
struct EntryFormat {
    /// MAXPHYADDR, CPUID.80000008H:EAX[7:0]: address bits from here to 51 are reserved.
    std::uint8_t maxphyaddr = architectural_physical_bits;
    /// EFER.NXE: if clear, bit 63 is reserved.
    bool nxe = true;
    /// CPUID.80000001H:EDX.Page1GB[26]: if clear, PS is reserved in a PDPT entry.
    bool pages_1g = true;
    /// AMD reserves bit 8 in PML4 and PML5 entries, Intel ignores it.
    /// AMD APM Vol. 2 5.3.3 "4-Kbyte Page Translation".
    bool root_global_reserved = false;
};

/// The bits that must be zero in this present entry of this level; the processor raises #PF with
/// RSVD if one is set. Intel SDM Vol. 3A 4.5.4 and 4.7.
constexpr std::uint64_t reserved_bits(Level level, std::uint64_t raw, const EntryFormat& format) {
    std::uint64_t reserved = bits::range(format.maxphyaddr, architectural_physical_bits - 1);
    if (!format.nxe) {
        reserved |= bits::no_execute;
    }
    if (level >= Level::pml4) {
        reserved |= bits::page_size;
        if (format.root_global_reserved) {
            reserved |= bits::global;
        }
    }
    if (level == Level::pdpt && !format.pages_1g) {
        reserved |= bits::page_size;
    }
    if (level > Level::pt && kind_of(level, raw) == EntryKind::leaf) {
        const unsigned above_pat = 13;
        reserved |= bits::range(above_pat, index_shift_of(level) - 1);
    }
    return reserved;
}

}  // namespace nestbed::paging
