#pragma once

#include <cstdint>
#include <optional>

#include "bits.hpp"
#include "entry_flags.hpp"
#include "entry_format.hpp"
#include "flags.hpp"
#include "frame.hpp"
#include "level.hpp"
#include "permission.hpp"
#include "result.hpp"

namespace nestbed::paging {

/// One entry of the paging structure of level `L`: a typed view of its 64 bits.
///
/// A value, not a place: reading and writing a live table is `live_entry.hpp`'s. `kind()` decodes
/// the form once; what belongs to one form only is named after it (`next_table`, `leaf_frame`) and
/// exists only at levels that have that form. Every `with_...` keeps all bits it is not about,
/// ignored ones included, present or not.
///
/// Intel SDM Vol. 3A 4.5.4, tables "Format of a ...-Level-... Entry".
template <Level L>
class Entry {
  public:
    static constexpr Level level = L;

    /// Not present, all bits zero.
    constexpr Entry() = default;
    /// Whatever these 64 bits mean at this level.
    constexpr explicit Entry(std::uint64_t raw) : raw_(raw) {}

    /// An entry that refers to a table and denies nothing, so that the leaves below decide.
    static constexpr Entry table(Frame4k next) requires(can_be_table(L)) {
        return Entry(next.address().raw() | permissive);
    }

    /// An entry that refers to a table and grants at most this permission to all below it. `read`
    /// is the present bit: without it the entry is not present.
    static constexpr Entry table(Frame4k next, Permission at_most) requires(can_be_table(L)) {
        constexpr std::uint64_t permission_bits = permissive | bits::no_execute;
        return Entry(next.address().raw() |
                     (Flags(at_most).to_leaf(PageSize::size_4k) & permission_bits));
    }

    /// An entry that maps a page. Without `read` in the flags it is not present.
    static constexpr Entry leaf(Frame<leaf_size_of(L)> frame,
                                Flags flags) requires(can_be_leaf(L)) {
        return Entry(frame.address().raw() | flags.to_leaf(leaf_size_of(L)));
    }

    /// An entry of exactly these flags and this address, in the form that PS in the flags gives it.
    /// Without `present` in the flags it is not present.
    ///
    /// Errors: `unaligned` (to the size of the leaf, or to 4 KiB), `out_of_range` (above 52 bits),
    /// `malformed` (PAT without PS, whose bit is one of the address in a table entry).
    static constexpr Result<Entry> from(PhysAddr address, EntryFlags<L> flags) {
        const std::uint64_t field = bits::frame_field(L, flags.bits());
        if ((flags.bits() & field) != 0) {
            return Error{.kind = ErrorKind::malformed, .level = L, .phys = address};
        }
        const std::uint64_t misfit = address.raw() & ~field;
        if (misfit != 0) {
            constexpr std::uint64_t in_range = bits::range(0, architectural_physical_bits - 1);
            const bool unaligned = (misfit & in_range) != 0;
            return Error{.kind = unaligned ? ErrorKind::unaligned : ErrorKind::out_of_range,
                         .level = L,
                         .phys = address};
        }
        return Entry(address.raw() | flags.bits());
    }

    constexpr std::uint64_t raw() const { return raw_; }

    /// The form, decoded once; match on it.
    constexpr EntryKind kind() const { return kind_of(L, raw_); }

    /// The bits set that the processor requires to be zero; 0 if the entry is well formed or not
    /// present.
    constexpr std::uint64_t reserved_bits_set(const EntryFormat& format) const {
        return present() ? raw_ & reserved_bits(L, raw_, format) : 0;
    }

    /// Every bit that is not of the address, nor reserved in this form.
    constexpr EntryFlags<L> entry_flags() const { return EntryFlags<L>::of_entry(raw_); }

    /// The same address with exactly these flags, present or not before and after. PS in the flags
    /// may change the form.
    ///
    /// Errors: `unaligned` (the address does not fit the new form), `malformed` (PAT without PS, or
    /// the entry has bits set that are reserved in its form and could become address bits).
    constexpr Result<Entry> with_entry_flags(EntryFlags<L> flags) const {
        if (has_stray_bits()) {
            return Error{.kind = ErrorKind::malformed, .level = L};
        }
        return from(PhysAddr(raw_ & bits::frame_field(L, raw_)), flags);
    }

    /// What the entry leads to, a table or a page; nothing unless `kind()` is one of the two.
    constexpr std::optional<PhysAddr> address() const {
        if (kind() != EntryKind::table && kind() != EntryKind::leaf) {
            return std::nullopt;
        }
        return PhysAddr(raw_ & bits::frame_field(L, raw_));
    }

    /// The same entry in the same form, present, leading to another address.
    ///
    /// Errors: `unaligned` (to the size of the leaf, or to 4 KiB), `out_of_range` (above 52 bits),
    /// `malformed` (the entry has reserved bits set).
    constexpr Result<Entry> with_address(PhysAddr address) const {
        if (has_stray_bits()) {
            return Error{.kind = ErrorKind::malformed, .level = L, .phys = address};
        }
        return from(address, entry_flags() | EntryFlags<L>::present());
    }

    constexpr bool present() const { return has(bits::present); }
    constexpr Entry with_present(bool on) const { return with(bits::present, on); }

    constexpr bool writable() const { return has(bits::writable); }
    constexpr Entry with_writable(bool on) const { return with(bits::writable, on); }

    constexpr bool user() const { return has(bits::user); }
    constexpr Entry with_user(bool on) const { return with(bits::user, on); }

    constexpr bool write_through() const { return has(bits::write_through); }
    constexpr Entry with_write_through(bool on) const { return with(bits::write_through, on); }

    constexpr bool cache_disable() const { return has(bits::cache_disable); }
    constexpr Entry with_cache_disable(bool on) const { return with(bits::cache_disable, on); }

    constexpr bool accessed() const { return has(bits::accessed); }
    constexpr Entry with_accessed(bool on) const { return with(bits::accessed, on); }

    constexpr bool no_execute() const { return has(bits::no_execute); }
    constexpr Entry with_no_execute(bool on) const { return with(bits::no_execute, on); }

    /// With HLAT paging: translate again with ordinary paging. Otherwise one of `available_low`.
    constexpr bool hlat_restart() const { return has(bits::hlat_restart); }
    constexpr Entry with_hlat_restart(bool on) const { return with(bits::hlat_restart, on); }

    /// Whether the entry is in the leaf form where both exist (PS); that it is present is not said.
    constexpr bool large() const requires(can_be_leaf(L) && can_be_table(L)) {
        return has(bits::page_size);
    }

    /// The page was written to. Leaf form only.
    constexpr bool dirty() const requires(can_be_leaf(L)) { return has(bits::dirty); }
    constexpr Entry with_dirty(bool on) const requires(can_be_leaf(L)) {
        return with(bits::dirty, on);
    }

    /// Bits 11:9, free for software: 0 to 7.
    constexpr unsigned available_low() const {
        return static_cast<unsigned>((raw_ & bits::available_low) >> bits::available_low_shift);
    }
    /// Nothing if the value is above 7.
    constexpr std::optional<Entry> with_available_low(unsigned value) const {
        return with_field(bits::available_low, bits::available_low_shift, value);
    }

    /// Bits 58:52, free for software: 0 to 127.
    constexpr unsigned available_high() const {
        return static_cast<unsigned>((raw_ & bits::available_high) >> bits::available_high_shift);
    }
    /// Nothing if the value is above 127.
    constexpr std::optional<Entry> with_available_high(unsigned value) const {
        return with_field(bits::available_high, bits::available_high_shift, value);
    }

    /// The table of the level below; nothing unless `kind()` is table.
    constexpr std::optional<Frame4k> next_table() const requires(can_be_table(L)) {
        if (kind() != EntryKind::table) {
            return std::nullopt;
        }
        return Frame4k(PhysAddr(raw_ & bits::table_frame));
    }
    /// The same entry, referring to another table. Table form only.
    constexpr Entry with_next_table(Frame4k next) const requires(can_be_table(L)) {
        return Entry((raw_ & ~bits::table_frame) | next.address().raw());
    }

    /// The frame that is mapped; nothing unless `kind()` is leaf.
    constexpr std::optional<Frame<leaf_size_of(L)>> leaf_frame() const requires(can_be_leaf(L)) {
        if (kind() != EntryKind::leaf) {
            return std::nullopt;
        }
        return Frame<leaf_size_of(L)>(PhysAddr(raw_ & bits::leaf_frame(leaf_size_of(L))));
    }
    /// The same entry, mapping another frame. Leaf form only.
    constexpr Entry with_leaf_frame(Frame<leaf_size_of(L)> frame) const requires(can_be_leaf(L)) {
        return Entry((raw_ & ~bits::leaf_frame(leaf_size_of(L))) | frame.address().raw());
    }

    /// How the page is mapped. Leaf form only, present or not.
    constexpr Flags flags() const requires(can_be_leaf(L)) {
        return Flags::of_leaf(leaf_size_of(L), raw_);
    }
    /// The same entry in the leaf form with these flags: its frame, accessed, dirty and available
    /// bits stay, also if it was or becomes not present.
    constexpr Entry with_flags(Flags flags) const requires(can_be_leaf(L)) {
        constexpr PageSize size = leaf_size_of(L);
        return Entry((raw_ & ~Flags::leaf_mask(size)) | flags.to_leaf(size));
    }

    /// What a table entry grants to all below it, or what a leaf grants itself.
    constexpr Permission permission() const { return permission_of(raw_); }

    friend constexpr bool operator==(Entry, Entry) = default;

  private:
    static constexpr std::uint64_t permissive = bits::present | bits::writable | bits::user;

    constexpr bool has(std::uint64_t bit) const { return (raw_ & bit) != 0; }

    /// Whether a bit is set that is neither a flag nor of the address in this form.
    constexpr bool has_stray_bits() const {
        return (raw_ & ~(bits::frame_field(L, raw_) | entry_flags().bits())) != 0;
    }

    constexpr Entry with(std::uint64_t bit, bool on) const {
        return Entry(on ? raw_ | bit : raw_ & ~bit);
    }

    constexpr std::optional<Entry> with_field(std::uint64_t field, unsigned shift,
                                              unsigned value) const {
        if (value > (field >> shift)) {
            return std::nullopt;
        }
        return Entry((raw_ & ~field) | (std::uint64_t{value} << shift));
    }

    std::uint64_t raw_ = 0;
};

using Pte = Entry<Level::pt>;
using Pde = Entry<Level::pd>;
using Pdpte = Entry<Level::pdpt>;
using Pml4e = Entry<Level::pml4>;
using Pml5e = Entry<Level::pml5>;

static_assert(sizeof(Pte) == entry_bytes);

}  // namespace nestbed::paging
