#pragma once

#include <cstdint>
#include <optional>

#include "bits.hpp"
#include "ept_format.hpp"
#include "frame.hpp"
#include "level.hpp"
#include "page_size.hpp"
#include "result.hpp"

namespace nestbed::paging {

/// What EPT entries grant: any union of the four.
///
/// A set, not a promise that EPT can express it: writing without reading is a misconfiguration,
/// executing without reading is one on some processors.
enum class EptPermission : std::uint8_t {
    none = 0,
    read = 1 << 0,
    write = 1 << 1,
    /// With mode-based execute control: fetches from supervisor-mode linear addresses only.
    execute = 1 << 2,
    /// With mode-based execute control: fetches from user-mode linear addresses. Else without
    /// effect.
    user_execute = 1 << 3,
};

constexpr EptPermission operator|(EptPermission a, EptPermission b) {
    return static_cast<EptPermission>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}

constexpr EptPermission operator&(EptPermission a, EptPermission b) {
    return static_cast<EptPermission>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}

/// Whether `set` grants all of `wanted`.
constexpr bool contains(EptPermission set, EptPermission wanted) {
    return (set & wanted) == wanted;
}

/// All four.
inline constexpr EptPermission ept_all_granted = EptPermission::read | EptPermission::write |
                                                 EptPermission::execute |
                                                 EptPermission::user_execute;

/// How guest-physical memory is mapped, whatever the page size: permission, memory type, ignore
/// PAT.
///
/// It holds none of what the processor writes (accessed, dirty), nor suppress #VE.
class EptFlags {
    static constexpr std::uint64_t low_permission =
        ept_bits::read | ept_bits::write | ept_bits::execute;
    static constexpr std::uint64_t permission_bits = low_permission | ept_bits::user_execute;

  public:
    /// The bits of a leaf of any size that belong to the flags.
    static constexpr std::uint64_t mask =
        permission_bits | ept_bits::memory_type | ept_bits::ignore_pat;

    /// A page with this permission; the guest's PAT has its say.
    constexpr explicit EptFlags(EptPermission permission,
                                EptMemoryType type = EptMemoryType::write_back)
        : bits_(bits_of(permission) | bits_of(type)) {}

    /// The flags in a raw entry; its other bits are left out.
    static constexpr EptFlags of_leaf(std::uint64_t raw) { return EptFlags(raw & mask, Raw{}); }

    /// The flags as the bits of a leaf that maps this size, without its frame.
    constexpr std::uint64_t to_leaf(PageSize size) const {
        return size == PageSize::size_4k ? bits_ : (bits_ | ept_bits::page_size);
    }

    constexpr EptPermission permission() const {
        const auto low = static_cast<EptPermission>(bits_ & low_permission);
        return (bits_ & ept_bits::user_execute) != 0 ? low | EptPermission::user_execute : low;
    }
    constexpr EptFlags with_permission(EptPermission permission) const {
        return replace(permission_bits, bits_of(permission));
    }

    constexpr EptMemoryType memory_type() const {
        return static_cast<EptMemoryType>((bits_ & ept_bits::memory_type) >>
                                          ept_bits::memory_type_shift);
    }
    constexpr EptFlags with_memory_type(EptMemoryType type) const {
        return replace(ept_bits::memory_type, bits_of(type));
    }

    /// Whether the memory type here stands alone, without the guest's PAT.
    constexpr bool ignore_pat() const { return (bits_ & ept_bits::ignore_pat) != 0; }
    constexpr EptFlags with_ignore_pat(bool on = true) const {
        return replace(ept_bits::ignore_pat, on ? ept_bits::ignore_pat : 0);
    }

    friend constexpr bool operator==(EptFlags, EptFlags) = default;

  private:
    struct Raw {};

    constexpr EptFlags(std::uint64_t raw, Raw) : bits_(raw) {}

    static constexpr std::uint64_t bits_of(EptPermission permission) {
        const std::uint64_t user =
            contains(permission, EptPermission::user_execute) ? ept_bits::user_execute : 0;
        return (static_cast<std::uint64_t>(permission) & low_permission) | user;
    }

    static constexpr std::uint64_t bits_of(EptMemoryType type) {
        return (std::uint64_t{static_cast<std::uint8_t>(type)} << ept_bits::memory_type_shift) &
               ept_bits::memory_type;
    }

    constexpr EptFlags replace(std::uint64_t field, std::uint64_t value) const {
        return EptFlags((bits_ & ~field) | value, Raw{});
    }

    std::uint64_t bits_;
};

static_assert(static_cast<std::uint64_t>(EptPermission::read) == ept_bits::read);
static_assert(static_cast<std::uint64_t>(EptPermission::write) == ept_bits::write);
static_assert(static_cast<std::uint64_t>(EptPermission::execute) == ept_bits::execute);

/// One entry of the EPT paging structure of level `L`: a typed view of its 64 bits, as `Entry` is
/// of an ordinary one.
///
/// Whether an entry is present depends on the format, since bit 10 is a permission only with
/// mode-based execute control; the default has none.
///
/// Intel SDM Vol. 3C "EPT Translation Mechanism", tables "Format of an EPT ... Entry".
template <Level L>
class EptEntry {
  public:
    static constexpr Level level = L;

    /// Not present, all bits zero.
    constexpr EptEntry() = default;
    /// Whatever these 64 bits mean at this level.
    constexpr explicit EptEntry(std::uint64_t raw) : raw_(raw) {}

    /// An entry that refers to a table and grants at most this permission to all below it; by
    /// default everything, so that the leaves decide.
    static constexpr EptEntry table(Frame4k next, EptPermission at_most = ept_all_granted) requires(
        can_be_table(L)) {
        return EptEntry(next.address().raw()).with_permission(at_most);
    }

    /// An entry that maps a page. With an empty permission in the flags it is not present.
    static constexpr EptEntry leaf(Frame<leaf_size_of(L)> frame,
                                   EptFlags flags) requires(can_be_leaf(L)) {
        return EptEntry(frame.address().raw() | flags.to_leaf(leaf_size_of(L)));
    }

    constexpr std::uint64_t raw() const { return raw_; }

    /// The form, decoded once; match on it.
    constexpr EntryKind kind(const EptFormat& format = {}) const {
        return ept_kind_of(L, raw_, format);
    }

    /// The bits set that make the entry a misconfiguration; 0 if it is well formed or not present.
    constexpr std::uint64_t misconfigured_bits(const EptFormat& format) const {
        return ept_misconfigured_bits(L, raw_, format);
    }

    constexpr bool readable() const { return has(ept_bits::read); }
    constexpr EptEntry with_readable(bool on) const { return with(ept_bits::read, on); }

    constexpr bool writable() const { return has(ept_bits::write); }
    constexpr EptEntry with_writable(bool on) const { return with(ept_bits::write, on); }

    constexpr bool executable() const { return has(ept_bits::execute); }
    constexpr EptEntry with_executable(bool on) const { return with(ept_bits::execute, on); }

    constexpr bool user_executable() const { return has(ept_bits::user_execute); }
    constexpr EptEntry with_user_executable(bool on) const {
        return with(ept_bits::user_execute, on);
    }

    constexpr bool accessed() const { return has(ept_bits::accessed); }
    constexpr EptEntry with_accessed(bool on) const { return with(ept_bits::accessed, on); }

    /// Whether an EPT violation at this entry causes a VM exit even where the control
    /// "EPT-violation #VE" is set. The processor looks at it in leaves and in entries that are not
    /// present.
    constexpr bool suppress_ve() const { return has(ept_bits::suppress_ve); }
    constexpr EptEntry with_suppress_ve(bool on) const { return with(ept_bits::suppress_ve, on); }

    /// Whether the entry is in the leaf form where both exist; that it is present is not said.
    constexpr bool large() const requires(can_be_leaf(L) && can_be_table(L)) {
        return has(ept_bits::page_size);
    }

    /// The page was written to. Leaf form only.
    constexpr bool dirty() const requires(can_be_leaf(L)) { return has(ept_bits::dirty); }
    constexpr EptEntry with_dirty(bool on) const requires(can_be_leaf(L)) {
        return with(ept_bits::dirty, on);
    }

    /// What a table entry grants to all below it, or what a leaf grants itself.
    constexpr EptPermission permission() const { return EptFlags::of_leaf(raw_).permission(); }
    constexpr EptEntry with_permission(EptPermission permission) const {
        constexpr std::uint64_t field =
            EptFlags(ept_all_granted, EptMemoryType{}).to_leaf(PageSize::size_4k);
        const std::uint64_t value =
            EptFlags(permission, EptMemoryType{}).to_leaf(PageSize::size_4k);
        return EptEntry((raw_ & ~field) | value);
    }

    /// The memory type. Leaf form only.
    constexpr EptMemoryType memory_type() const requires(can_be_leaf(L)) {
        return flags().memory_type();
    }
    constexpr EptEntry with_memory_type(EptMemoryType type) const requires(can_be_leaf(L)) {
        const std::uint64_t bits = flags().with_memory_type(type).to_leaf(PageSize::size_4k);
        return EptEntry((raw_ & ~EptFlags::mask) | bits);
    }

    /// Whether the memory type stands alone, without the guest's PAT. Leaf form only.
    constexpr bool ignore_pat() const requires(can_be_leaf(L)) { return flags().ignore_pat(); }
    constexpr EptEntry with_ignore_pat(bool on) const requires(can_be_leaf(L)) {
        return with(ept_bits::ignore_pat, on);
    }

    /// The table of the level below; nothing unless `kind(format)` is table.
    constexpr std::optional<Frame4k> next_table(const EptFormat& format = {}) const
        requires(can_be_table(L)) {
        if (kind(format) != EntryKind::table) {
            return std::nullopt;
        }
        return *Frame4k::from(PhysAddr(raw_ & bits::table_frame));
    }
    /// The same entry, referring to another table. Table form only.
    constexpr EptEntry with_next_table(Frame4k next) const requires(can_be_table(L)) {
        return EptEntry((raw_ & ~bits::table_frame) | next.address().raw());
    }

    /// The frame that is mapped; nothing unless `kind(format)` is leaf.
    constexpr std::optional<Frame<leaf_size_of(L)>> leaf_frame(const EptFormat& format = {}) const
        requires(can_be_leaf(L)) {
        if (kind(format) != EntryKind::leaf) {
            return std::nullopt;
        }
        constexpr PageSize size = leaf_size_of(L);
        return *Frame<size>::from(PhysAddr(raw_ & bits::leaf_frame(size)));
    }

    /// How the page is mapped. Leaf form only, present or not.
    constexpr EptFlags flags() const requires(can_be_leaf(L)) { return EptFlags::of_leaf(raw_); }
    /// The same entry in the leaf form with these flags: its frame, accessed, dirty, suppress #VE
    /// and ignored bits stay.
    constexpr EptEntry with_flags(EptFlags flags) const requires(can_be_leaf(L)) {
        return EptEntry((raw_ & ~EptFlags::mask) | flags.to_leaf(leaf_size_of(L)));
    }

    friend constexpr bool operator==(EptEntry, EptEntry) = default;

  private:
    constexpr bool has(std::uint64_t bit) const { return (raw_ & bit) != 0; }

    constexpr EptEntry with(std::uint64_t bit, bool on) const {
        return EptEntry(on ? raw_ | bit : raw_ & ~bit);
    }

    std::uint64_t raw_ = 0;
};

using EptPte = EptEntry<Level::pt>;
using EptPde = EptEntry<Level::pd>;
using EptPdpte = EptEntry<Level::pdpt>;
using EptPml4e = EptEntry<Level::pml4>;
using EptPml5e = EptEntry<Level::pml5>;

static_assert(sizeof(EptPte) == entry_bytes);

/// How many levels the EPT paging structures have: 4 for guest-physical addresses of 48 bits, 5 for
/// all.
enum class EptWalkLength : std::uint8_t { four = 4, five = 5 };

/// The extended-page-table pointer (EPTP): the root and how to walk from it.
///
/// Intel SDM Vol. 3C "Extended-Page-Table Pointer (EPTP)".
class EptPointer {
    static constexpr std::uint64_t memory_type_bits = bits::range(0, 2);
    static constexpr std::uint64_t length_bits = bits::range(3, 5);
    static constexpr unsigned length_shift = 3;
    static constexpr std::uint64_t accessed_dirty_bit = bits::range(6, 6);
    /// Enforces the rights of supervisor shadow-stack pages; not modelled here.
    static constexpr std::uint64_t shadow_stack_bit = bits::range(7, 7);

  public:
    /// A root whose structures are read as write-back memory, without accessed and dirty flags.
    constexpr explicit EptPointer(Frame4k root, EptWalkLength length = EptWalkLength::four)
        : raw_(root.address().raw() | bits_of(length) |
               static_cast<std::uint64_t>(EptMemoryType::write_back)) {}

    /// The pointer in a VMCS field. Errors: `malformed` if VM entry would refuse it on every
    /// processor: a memory type other than uncacheable and write-back, another number of levels
    /// than 4 or 5, bits that are reserved.
    static constexpr Result<EptPointer> from(std::uint64_t raw) {
        constexpr std::uint64_t known = bits::table_frame | memory_type_bits | length_bits |
                                        accessed_dirty_bit | shadow_stack_bit;
        const std::uint64_t length = raw & length_bits;
        const bool length_exists =
            length == bits_of(EptWalkLength::four) || length == bits_of(EptWalkLength::five);
        const auto type = static_cast<EptMemoryType>(raw & memory_type_bits);
        if ((raw & ~known) != 0 || !length_exists || !can_hold_tables(type)) {
            return Error{.kind = ErrorKind::malformed};
        }
        return EptPointer(raw, Raw{});
    }

    constexpr std::uint64_t raw() const { return raw_; }

    constexpr Frame4k root() const { return *Frame4k::from(PhysAddr(raw_ & bits::table_frame)); }

    constexpr EptWalkLength walk_length() const {
        return static_cast<EptWalkLength>(((raw_ & length_bits) >> length_shift) + 1);
    }
    /// The level of the root table.
    constexpr Level root_level() const {
        return walk_length() == EptWalkLength::five ? Level::pml5 : Level::pml4;
    }

    /// The memory type that the processor reads the structures with.
    constexpr EptMemoryType memory_type() const {
        return static_cast<EptMemoryType>(raw_ & memory_type_bits);
    }
    /// Nothing unless the type is uncacheable or write-back, the only ones the structures can have.
    constexpr std::optional<EptPointer> with_memory_type(EptMemoryType type) const {
        if (!can_hold_tables(type)) {
            return std::nullopt;
        }
        return EptPointer((raw_ & ~memory_type_bits) | static_cast<std::uint64_t>(type), Raw{});
    }

    /// Whether the processor writes the accessed and dirty flags of the EPT entries. It then treats
    /// accesses to the guest's own tables as writes.
    constexpr bool accessed_dirty() const { return (raw_ & accessed_dirty_bit) != 0; }
    constexpr EptPointer with_accessed_dirty(bool on = true) const {
        return EptPointer(on ? raw_ | accessed_dirty_bit : raw_ & ~accessed_dirty_bit, Raw{});
    }

    friend constexpr bool operator==(EptPointer, EptPointer) = default;

  private:
    struct Raw {};

    constexpr EptPointer(std::uint64_t raw, Raw) : raw_(raw) {}

    static constexpr std::uint64_t bits_of(EptWalkLength length) {
        return (static_cast<std::uint64_t>(length) - 1) << length_shift;
    }

    static constexpr bool can_hold_tables(EptMemoryType type) {
        return type == EptMemoryType::uncacheable || type == EptMemoryType::write_back;
    }

    std::uint64_t raw_;
};

}  // namespace nestbed::paging
