#pragma once

#include <cstdint>

#include "bits.hpp"
#include "flags.hpp"
#include "level.hpp"
#include "result.hpp"

namespace nestbed::paging {

/// A set of bits of an entry of level `L`, of all that are not its address: what the processor
/// reads, what it writes (accessed, dirty), what it ignores.
///
/// `Flags` says how a page is mapped, whatever its level; this is every single bit as it lies in
/// the entry of one level. A bit that a level does not have has no name here, and one that must be
/// zero (PS above the PDPT) cannot be in the set. PAT is bit 7 in a 4 KiB leaf, and in a large one
/// bit 12, which is of the address in a table entry: there it is a flag only together with PS.
///
/// Intel SDM Vol. 3A 4.5.4, tables "Format of a ...-Level-... Entry".
template <Level L>
class EntryFlags {
    static constexpr bool has_both_forms = can_be_leaf(L) && can_be_table(L);

  public:
    static constexpr Level level = L;

    /// All bits that can be flags at this level.
    static constexpr std::uint64_t mask =
        (~bits::table_frame & ~(can_be_leaf(L) ? 0 : bits::page_size)) |
        (has_both_forms ? bits::pat_large : 0);

    /// The empty set.
    constexpr EntryFlags() = default;

    /// How a page is mapped, as the bits of a leaf of this level: with PS where the form needs it.
    constexpr explicit EntryFlags(Flags flags) requires(can_be_leaf(L))
        : bits_(flags.to_leaf(leaf_size_of(L))) {}

    /// The set of these bits. Errors: `malformed` if one is no flag at this level.
    static constexpr Result<EntryFlags> from(std::uint64_t bits) {
        if ((bits & ~mask) != 0) {
            return Error{.kind = ErrorKind::malformed, .level = L};
        }
        return EntryFlags(bits, Raw{});
    }

    /// The flags in a raw entry; its address and the bits reserved in its form are left out.
    static constexpr EntryFlags of_entry(std::uint64_t raw) {
        return EntryFlags(raw & mask & ~bits::frame_field(L, raw), Raw{});
    }

    static constexpr EntryFlags present() { return named(bits::present); }
    static constexpr EntryFlags writable() { return named(bits::writable); }
    static constexpr EntryFlags user() { return named(bits::user); }
    static constexpr EntryFlags write_through() { return named(bits::write_through); }
    static constexpr EntryFlags cache_disable() { return named(bits::cache_disable); }
    static constexpr EntryFlags accessed() { return named(bits::accessed); }
    static constexpr EntryFlags no_execute() { return named(bits::no_execute); }
    /// R with HLAT paging, otherwise one of `available_low`.
    static constexpr EntryFlags hlat_restart() { return named(bits::hlat_restart); }
    /// Bits 11:9.
    static constexpr EntryFlags available_low() { return named(bits::available_low); }
    /// Bits 58:52.
    static constexpr EntryFlags available_high() { return named(bits::available_high); }

    /// PS: the entry is a leaf. Only where the other form exists too.
    static constexpr EntryFlags page_size() requires(has_both_forms) {
        return named(bits::page_size);
    }

    /// Ignored in a table entry, as `global` and `protection_key` are.
    static constexpr EntryFlags dirty() requires(can_be_leaf(L)) { return named(bits::dirty); }
    static constexpr EntryFlags global() requires(can_be_leaf(L)) { return named(bits::global); }
    /// Bits 62:59.
    static constexpr EntryFlags protection_key() requires(can_be_leaf(L)) {
        return named(bits::protection_key);
    }
    /// In a large leaf it needs PS beside it.
    static constexpr EntryFlags pat() requires(can_be_leaf(L)) {
        return named(bits::pat(leaf_size_of(L)));
    }

    /// What the processor ignores in a table entry: bits 6, 11:8 and 62:52. Bit 11 is R with HLAT
    /// paging, and AMD reserves bit 8 above the PDPT.
    static constexpr EntryFlags ignored_in_table() requires(can_be_table(L)) {
        return named(bits::dirty | bits::global | bits::available_low | bits::available_high |
                     bits::protection_key);
    }
    /// What the processor ignores in a leaf: bits 11:9 and 58:52. Bit 11 is R with HLAT paging.
    static constexpr EntryFlags ignored_in_leaf() requires(can_be_leaf(L)) {
        return named(bits::available_low | bits::available_high);
    }

    /// The set as the bits of the entry.
    constexpr std::uint64_t bits() const { return bits_; }
    constexpr bool empty() const { return bits_ == 0; }

    /// Whether all of `wanted` are in the set.
    constexpr bool contains(EntryFlags wanted) const { return (*this & wanted) == wanted; }
    /// The set less all of `unwanted`.
    constexpr EntryFlags without(EntryFlags unwanted) const {
        return named(bits_ & ~unwanted.bits_);
    }

    friend constexpr EntryFlags operator|(EntryFlags a, EntryFlags b) {
        return named(a.bits_ | b.bits_);
    }
    friend constexpr EntryFlags operator&(EntryFlags a, EntryFlags b) {
        return named(a.bits_ & b.bits_);
    }
    friend constexpr bool operator==(EntryFlags, EntryFlags) = default;

  private:
    struct Raw {};

    constexpr EntryFlags(std::uint64_t bits, Raw) : bits_(bits) {}

    static constexpr EntryFlags named(std::uint64_t bits) { return EntryFlags(bits, Raw{}); }

    std::uint64_t bits_ = 0;
};

}  // namespace nestbed::paging
