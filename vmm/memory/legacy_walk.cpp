#include "vmm/memory/legacy_walk.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <span>
#include <utility>

#include "shared/paging/access_rights.hpp"
#include "shared/paging/bits.hpp"
#include "shared/paging/flags.hpp"

namespace nestbed::vmm {

namespace {

namespace bits = paging::bits;

using paging::EntryFormat;
using paging::EntryKind;
using paging::Level;
using paging::Permission;

constexpr Permission all =
    Permission::read | Permission::write | Permission::user | Permission::execute;

/// The tables of a level: which bits of a linear address choose an entry of theirs.
struct LegacyTable {
    Level level;
    unsigned shift;
    unsigned index_bits;

    std::size_t index_of(std::uint32_t linear) const {
        return linear >> shift & ((1U << index_bits) - 1);
    }
};

constexpr std::array tables_of_32bit{LegacyTable{Level::pd, 22, 10},
                                     LegacyTable{Level::pt, 12, 10}};
constexpr std::array tables_of_pae{LegacyTable{Level::pdpt, 30, 2}, LegacyTable{Level::pd, 21, 9},
                                   LegacyTable{Level::pt, 12, 9}};

/// The entry that maps 4 MiB, whose address has up to 40 bits: those above 31 are in bits 13 and
/// up (PSE-36, which every processor with 64-bit mode has). SDM Vol. 3A table 4-4.
LegacyEntry entry_of_4m(std::uint64_t raw, const EntryFormat& format) {
    constexpr unsigned moved_by = 32 - 13;
    const unsigned width = std::clamp<unsigned>(format.maxphyaddr, 32, 40);
    const std::uint64_t high = raw & bits::range(13, width - moved_by - 1);
    return {.kind = EntryKind::leaf,
            .address = (raw & bits::range(22, 31)) | high << moved_by,
            .flags = raw & bits::range(0, 12),
            .reserved = raw & bits::range(width - moved_by, 21),
            .permission = paging::permission_of(raw)};
}

/// SDM Vol. 3A tables 4-5 and 4-6.
LegacyEntry entry_of_32bit(Level level, std::uint64_t raw, bool pse, const EntryFormat& format) {
    if (level == Level::pd && pse && (raw & bits::page_size) != 0) {
        return entry_of_4m(raw, format);
    }
    const std::uint64_t meaningless = level == Level::pd ? bits::page_size : 0;
    return {.kind = level == Level::pd ? EntryKind::table : EntryKind::leaf,
            .address = raw & bits::range(12, 31),
            .flags = raw & bits::range(0, 11) & ~meaningless,
            .reserved = 0,
            .permission = paging::permission_of(raw)};
}

/// An entry that says nothing about rights. SDM Vol. 3A table 4-8.
LegacyEntry pdpte_of_pae(std::uint64_t raw, const EntryFormat& format) {
    const std::uint64_t reserved =
        bits::range(1, 2) | bits::range(5, 8) | bits::range(format.maxphyaddr, 63);
    return {.kind = EntryKind::table,
            .address = raw & bits::table_frame,
            .flags = raw & (bits::present | bits::write_through | bits::cache_disable),
            .reserved = raw & reserved,
            .permission = all};
}

/// As with 4-level paging, but for the bits above the address, which nobody may use. SDM Vol. 3A
/// tables 4-9 to 4-11.
LegacyEntry entry_of_pae(Level level, std::uint64_t raw, const EntryFormat& format) {
    const std::uint64_t frame = bits::frame_field(level, raw);
    const std::uint64_t reserved =
        paging::reserved_bits(level, raw, format) | bits::available_high | bits::protection_key;
    return {.kind = paging::kind_of(level, raw),
            .address = raw & frame,
            .flags = raw & ~frame & ~reserved,
            .reserved = raw & reserved,
            .permission = paging::permission_of(raw)};
}

LegacyEntry decode(const PagingState& paging, Level level, std::uint64_t raw,
                   const EntryFormat& format) {
    if ((raw & bits::present) == 0) {
        return {.kind = EntryKind::not_present,
                .address = 0,
                .flags = 0,
                .reserved = 0,
                .permission = Permission::none};
    }
    return paging.mode == PagingMode::bits_32 ? entry_of_32bit(level, raw, paging.pse, format)
           : level == Level::pdpt             ? pdpte_of_pae(raw, format)
                                              : entry_of_pae(level, raw, format);
}

std::optional<std::uint64_t> read_entry(const GuestMemory& memory, PagingMode mode,
                                        std::uint64_t place) {
    return mode == PagingMode::bits_32
               ? std::optional<std::uint64_t>(memory.read<std::uint32_t>(place))
               : memory.read<std::uint64_t>(place);
}

/// Reads entries from the root down, until one of them ends it.
class LegacyWalker {
  public:
    LegacyWalker(const GuestMemory& memory, const PagingState& paging, paging::Access access,
                 const paging::ControlState& state)
        : memory_(memory), paging_(paging), access_(access), state_(state) {
        // NX is a bit that the entries of 32 bits have not got.
        state_.format.nxe = state.format.nxe && paging.mode == PagingMode::pae;
    }

    LegacyWalk walk(std::uint32_t linear) {
        const bool is_pae = paging_.mode == PagingMode::pae;
        const std::span<const LegacyTable> tables =
            is_pae ? std::span<const LegacyTable>(tables_of_pae) : tables_of_32bit;
        std::uint64_t table = paging_.cr3 & (is_pae ? bits::range(5, 31) : bits::range(12, 31));
        Permission granted = all;
        // The entries of the last tables map pages, so that there is an end.
        for (auto shape = tables.begin();; ++shape) {
            const auto entry = read(*shape, table, linear);
            if (!entry) {
                return end(paging::WalkOutcome::entry_outside_memory);
            }
            if (entry->kind == EntryKind::not_present) {
                return fault(0);
            }
            // Of PDPTEs these bits are looked at where CR3 is loaded (SDM Vol. 3A 4.4.1), not here.
            if (entry->reserved != 0 && shape->level != Level::pdpt) {
                return fault(arch::PageFaultError::present_bit |
                             arch::PageFaultError::reserved_bit);
            }
            granted = granted & entry->permission;
            if (entry->kind == EntryKind::leaf) {
                return translate(entry->address, shape->shift, granted, linear);
            }
            table = entry->address;
        }
    }

  private:
    std::optional<LegacyEntry> read(const LegacyTable& shape, std::uint64_t table,
                                    std::uint32_t linear) {
        const std::size_t index = shape.index_of(linear);
        const std::size_t bytes = paging_.mode == PagingMode::pae ? 8 : 4;
        const std::uint64_t place = table + index * bytes;
        const auto raw = read_entry(memory_, paging_.mode, place);
        const LegacyEntry entry = decode(paging_, shape.level, raw.value_or(0), state_.format);
        result_.trace.push_back(
            {shape.level, index, paging::PhysAddr(place), raw.value_or(0), entry});
        return raw ? std::optional(entry) : std::nullopt;
    }

    LegacyWalk translate(std::uint64_t page, unsigned shift, Permission granted,
                         std::uint32_t linear) {
        if (paging::rights_forbid(granted, access_, state_)) {
            return fault(arch::PageFaultError::present_bit);
        }
        result_.address = paging::PhysAddr(page | (linear & bits::range(0, shift - 1)));
        result_.permission = granted;
        return end(paging::WalkOutcome::translated);
    }

    LegacyWalk fault(std::uint32_t cause) {
        result_.error = paging::access_bits(access_, state_).with(cause);
        return end(paging::WalkOutcome::page_fault);
    }

    LegacyWalk end(paging::WalkOutcome outcome) {
        result_.outcome = outcome;
        return std::move(result_);
    }

    const GuestMemory& memory_;
    const PagingState& paging_;
    paging::Access access_;
    paging::ControlState state_;
    LegacyWalk result_{};
};

}  // namespace

LegacyWalk legacy_walk(const GuestMemory& memory, const PagingState& paging, std::uint32_t linear,
                       paging::Access access, const paging::ControlState& state) {
    return LegacyWalker(memory, paging, access, state).walk(linear);
}

}  // namespace nestbed::vmm
