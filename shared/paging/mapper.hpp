#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "bits.hpp"
#include "entry.hpp"
#include "entry_format.hpp"
#include "flags.hpp"
#include "frame.hpp"
#include "level.hpp"
#include "live_entry.hpp"
#include "page.hpp"
#include "result.hpp"
#include "stale.hpp"
#include "window.hpp"

namespace nestbed::paging {

/// Which part of the address space a mapper may change.
enum class MapperScope : std::uint8_t {
    user_half,  ///< Root entries 0 to 255; the upper half is the kernel's and shared by all roots.
    whole,      ///< Everything: for the kernel's own mapper.
};

/// What a mapper works on.
struct MapperSettings {
    /// The root table, all zero when new.
    Frame4k root;
    /// 48 bits for 4-level paging, whose root is a PML4; 57 for 5-level paging and a PML5.
    LinearWidth width = LinearWidth::bits_48;
    MapperScope scope = MapperScope::user_half;
    /// What the processor supports; a mapping that it would fault on is refused.
    EntryFormat format{};
};

/// What `Mapper::lookup` finds.
struct Mapping {
    /// The address that the linear address maps to.
    PhysAddr address{};
    PageSize size = PageSize::size_4k;
    /// The leaf's flags; tables above it may grant less.
    Flags flags{Permission::none};
    /// The leaf entry.
    std::uint64_t raw = 0;
};

/// Maps pages to frames in the tree of tables under one root.
///
/// Writers exclude each other: the caller holds a lock per address space. Processors may walk the
/// tables at any moment; each change becomes visible by one atomic store of one entry. So whatever
/// fails has changed nothing: missing tables are filled and linked to each other first, out of
/// sight, and reach the tree last, by the store that also makes the new page visible.
///
/// Tables made here grant everything, and the leaf decides. A table that someone else made and that
/// grants less than a page asks for is an error (`invalid_permission`): granting more there would
/// change the pages beside it.
///
/// Errors of all operations, with their place: `not_canonical`; `kernel_half`; `malformed` (a table
/// entry that no processor accepts); `not_addressable`. What else can happen is said at each.
template <TableWindow Window, TableFrameSource Source>
class Mapper {
  public:
    /// `source` is kept by reference.
    constexpr Mapper(const MapperSettings& settings, Window window, Source& source)
        : settings_(settings), window_(window), source_(&source) {}

    constexpr const MapperSettings& settings() const { return settings_; }
    constexpr AddressSpaceId space() const { return {settings_.root}; }

    /// Maps a page that is not mapped. There is no stale translation to invalidate, since an entry
    /// that is not present is never cached. Intel SDM Vol. 3A 4.10.4.3 "Optional Invalidation".
    ///
    /// Errors: `duplicated`, `unexpected_leaf`, `unexpected_table`, `invalid_permission` (no read,
    /// or more than a table above grants), `unsupported`, `out_of_range` (the frame lies above
    /// MAXPHYADDR), `out_of_frames`.
    template <PageSize Size>
    constexpr Result<void> map(Page<Size> page, Frame<Size> frame, Flags flags) {
        constexpr Level leaf_level = leaf_level_of(Size);
        if (const auto error = refusal(page, flags, frame)) [[unlikely]] {
            return *error;
        }
        const Descent found = descend<leaf_level>(page.address());
        if (found.slot == nullptr || (found.raw & bits::present) != 0) [[unlikely]] {
            return obstacle(found, page.address(), leaf_level);
        }
        if (!grants(found, flags)) [[unlikely]] {
            return denied(page.address(), leaf_level, flags);
        }
        const std::uint64_t leaf = Entry<leaf_level>::leaf(frame, flags).raw();
        if (found.level != leaf_level) [[unlikely]] {
            return build(found, page.address(), leaf_level, leaf);
        }
        store_entry(*found.slot, leaf);
        return {};
    }

    /// Unmaps a page and hands back its frame inside the obligation to invalidate it. Tables that
    /// become empty stay.
    ///
    /// Errors: `not_exist`, `unexpected_leaf`, `unexpected_table`.
    template <PageSize Size>
    constexpr Result<StaleTlbEntry<Size>> unmap(Page<Size> page) {
        if (const auto error = refusal(page.address())) [[unlikely]] {
            return *error;
        }
        const Descent found = descend<leaf_level_of(Size)>(page.address());
        if (!is_leaf(found, leaf_level_of(Size))) [[unlikely]] {
            return no_leaf(found, page.address(), leaf_level_of(Size));
        }
        return replace(found, page, 0);
    }

    /// Maps a mapped page to another frame. The old frame comes back as from `unmap`; accessed and
    /// dirty start clear.
    ///
    /// Errors: `not_exist`, `unexpected_leaf`, `unexpected_table`, `invalid_permission`,
    /// `unsupported`, `out_of_range`.
    template <PageSize Size>
    constexpr Result<StaleTlbEntry<Size>> remap(Page<Size> page, Frame<Size> frame, Flags flags) {
        if (const auto error = refusal(page, flags, frame)) [[unlikely]] {
            return *error;
        }
        const Descent found = descend<leaf_level_of(Size)>(page.address());
        if (!is_leaf(found, leaf_level_of(Size))) [[unlikely]] {
            return no_leaf(found, page.address(), leaf_level_of(Size));
        }
        if (!grants(found, flags)) [[unlikely]] {
            return denied(page.address(), leaf_level_of(Size), flags);
        }
        return replace(found, page, Entry<leaf_level_of(Size)>::leaf(frame, flags).raw());
    }

    /// Changes the flags of a mapped page; its frame, accessed, dirty and available bits stay.
    ///
    /// Errors: `not_exist`, `unexpected_leaf`, `unexpected_table`, `invalid_permission`,
    /// `unsupported`.
    template <PageSize Size>
    constexpr Result<StaleRights<Size>> protect(Page<Size> page, Flags flags) {
        using LeafEntry = Entry<leaf_level_of(Size)>;
        if (const auto error = refusal(page.address(), flags)) [[unlikely]] {
            return *error;
        }
        const Descent found = descend<leaf_level_of(Size)>(page.address());
        if (!is_leaf(found, leaf_level_of(Size))) [[unlikely]] {
            return no_leaf(found, page.address(), leaf_level_of(Size));
        }
        if (!grants(found, flags)) [[unlikely]] {
            return denied(page.address(), leaf_level_of(Size), flags);
        }
        // A processor may set accessed or dirty between the load and the exchange; then the
        // exchange fails and is done again with the bits it missed.
        std::uint64_t old = found.raw;
        std::uint64_t changed = LeafEntry(old).with_flags(flags).raw();
        while (!compare_exchange_entry(*found.slot, old, changed)) {
            changed = LeafEntry(old).with_flags(flags).raw();
        }
        return StaleRights<Size>(space(), page, LeafEntry(old), !only_grants_more(old, changed));
    }

    /// What a linear address maps to, whatever the access rights; see `walk` for what the processor
    /// makes of it.
    ///
    /// Errors: `not_exist`. The kernel's half may be looked at.
    constexpr Result<Mapping> lookup(VirtAddr address) const {
        if (!address.is_canonical(settings_.width)) {
            return Error{.kind = ErrorKind::not_canonical, .virt = address};
        }
        const Descent found = descend<Level::pt>(address);
        if (found.slot == nullptr || kind_of(found.level, found.raw) != EntryKind::leaf) {
            return no_leaf(found, address, found.level);
        }
        const PageSize size = leaf_size_of(found.level);
        return Mapping{
            .address = PhysAddr((found.raw & bits::leaf_frame(size)) | address.offset_in(size)),
            .size = size,
            .flags = Flags::of_leaf(size, found.raw),
            .raw = found.raw,
        };
    }

  private:
    /// The entry that answers for an address: the leaf-level one, or the first above it that does
    /// not lead further down.
    struct Descent {
        /// Null if the table it lies in is outside the window.
        std::uint64_t* slot = nullptr;
        std::uint64_t raw = 0;
        Level level = Level::pml4;
        /// The table that the entry lies in.
        Frame4k table;
        /// What the tables above grant: R/W, U/S, and bit 63 inverted to mean execute.
        std::uint64_t granted = ~std::uint64_t{0};
    };

    // The table form is the same at every level that has it.
    using TableEntry = Entry<Level::pml5>;

    static constexpr std::uint64_t rights = bits::writable | bits::user | bits::no_execute;

    template <Level Leaf>
    constexpr Descent descend(VirtAddr address) const {
        Descent at{.table = settings_.root};
        const bool from_pml4 =
            settings_.width != LinearWidth::bits_57 || enter<Level::pml5, Leaf>(at, address);
        static_cast<void>(from_pml4 && enter<Level::pml4, Leaf>(at, address) &&
                          enter<Level::pdpt, Leaf>(at, address) &&
                          enter<Level::pd, Leaf>(at, address) &&
                          enter<Level::pt, Leaf>(at, address));
        return at;
    }

    /// Looks at the entry in the table of level `L` and says whether the way goes on below it.
    template <Level L, Level Leaf>
    constexpr bool enter(Descent& at, VirtAddr address) const {
        at.level = L;
        std::uint64_t* entries = window_(at.table);
        if (entries == nullptr) [[unlikely]] {
            at.slot = nullptr;
            return false;
        }
        at.slot = &entries[index_of(L, address)];
        at.raw = load_entry(*at.slot);
        if constexpr (L <= Leaf) {
            return false;
        } else {
            if (Entry<L>(at.raw).kind() != EntryKind::table) {
                return false;
            }
            at.table = *Entry<L>(at.raw).next_table();
            at.granted &= at.raw ^ bits::no_execute;
            return true;
        }
    }

    static constexpr bool is_leaf(const Descent& at, Level leaf_level) {
        return at.slot != nullptr && at.level == leaf_level &&
               kind_of(leaf_level, at.raw) == EntryKind::leaf;
    }

    /// Whether the tables above the entry let all that the flags ask for through.
    static constexpr bool grants(const Descent& at, Flags flags) {
        return (wanted(flags) & ~at.granted) == 0;
    }

    static constexpr std::uint64_t wanted(Flags flags) {
        return (flags.to_leaf(PageSize::size_4k) ^ bits::no_execute) & rights;
    }

    /// Whether every right and type that the old entry gave holds in the new one too. U/S is not a
    /// right that grows: with SMEP or SMAP a supervisor loses what a user gains.
    static constexpr bool only_grants_more(std::uint64_t old, std::uint64_t changed) {
        const std::uint64_t granted =
            (~old & changed & bits::writable) | (old & ~changed & bits::no_execute);
        return ((old ^ changed) & ~granted) == 0;
    }

    template <PageSize Size>
    constexpr StaleTlbEntry<Size> replace(const Descent& found, Page<Size> page,
                                          std::uint64_t raw) {
        // An exchange, since the processor may set accessed or dirty until the last moment, and
        // the owner of the frame must learn that it was written to.
        const Entry<leaf_level_of(Size)> old(exchange_entry(*found.slot, raw));
        return StaleTlbEntry<Size>(space(), page, *old.leaf_frame(), old);
    }

    /// Makes the tables from below `found` down to the leaf's, with the leaf in the last, and then
    /// links them in by one store.
    constexpr Result<void> build(const Descent& found, VirtAddr address, Level leaf_level,
                                 std::uint64_t leaf) {
        std::uint64_t top = leaf;
        for (Level level = leaf_level; level != found.level; level = above(level)) {
            const std::optional<Frame4k> table = source_->allocate_zeroed();
            if (!table) {
                discard(top, address, leaf_level, level);
                return Error{.kind = ErrorKind::out_of_frames, .level = level, .virt = address};
            }
            std::uint64_t* entries = window_(*table);
            if (entries == nullptr) {
                discard(top, address, leaf_level, level);
                source_->free_zeroed(*table);
                return Error{.kind = ErrorKind::not_addressable,
                             .level = level,
                             .virt = address,
                             .phys = table->address()};
            }
            entries[index_of(level, address)] = top;
            top = TableEntry::table(*table).raw();
        }
        store_entry(*found.slot, top);
        return {};
    }

    /// Gives back the tables that `build` made below `level`; `top` is the entry for the highest.
    constexpr void discard(std::uint64_t top, VirtAddr address, Level leaf_level, Level level) {
        while (level != leaf_level) {
            level = below(level);
            const Frame4k table = *TableEntry(top).next_table();
            std::uint64_t& entry = window_(table)[index_of(level, address)];
            top = entry;
            entry = 0;
            source_->free_zeroed(table);
        }
    }

    constexpr std::optional<Error> refusal(VirtAddr address) const {
        if (!address.is_canonical(settings_.width)) [[unlikely]] {
            return Error{.kind = ErrorKind::not_canonical, .virt = address};
        }
        if (settings_.scope == MapperScope::user_half && address.is_upper_half()) [[unlikely]] {
            return Error{.kind = ErrorKind::kernel_half,
                         .level = root_level_of(settings_.width),
                         .virt = address};
        }
        return std::nullopt;
    }

    constexpr std::optional<Error> refusal(VirtAddr address, Flags flags) const {
        const Permission permission = flags.permission();
        if (!contains(permission, Permission::read)) [[unlikely]] {
            return Error{.kind = ErrorKind::invalid_permission, .virt = address};
        }
        if (!settings_.format.nxe && !contains(permission, Permission::execute)) [[unlikely]] {
            return Error{.kind = ErrorKind::unsupported, .virt = address};
        }
        return refusal(address);
    }

    template <PageSize Size>
    constexpr std::optional<Error> refusal(Page<Size> page, Flags flags, Frame<Size> frame) const {
        const VirtAddr virt = page.address();
        const PhysAddr phys = frame.address();
        if (Size == PageSize::size_1g && !settings_.format.pages_1g) [[unlikely]] {
            return Error{
                .kind = ErrorKind::unsupported, .level = Level::pdpt, .virt = virt, .phys = phys};
        }
        if (!PhysAddr::within(phys.raw(), settings_.format.maxphyaddr)) [[unlikely]] {
            return Error{.kind = ErrorKind::out_of_range, .virt = virt, .phys = phys};
        }
        return refusal(virt, flags);
    }

    /// Why the leaf that was looked for at `leaf_level` is not there.
    static constexpr Error no_leaf(const Descent& at, VirtAddr address, Level leaf_level) {
        if (at.slot != nullptr && (at.raw & bits::present) == 0) {
            return {.kind = ErrorKind::not_exist, .level = at.level, .virt = address};
        }
        return obstacle(at, address, leaf_level);
    }

    /// What is in the way of a leaf at `leaf_level`.
    static constexpr Error obstacle(const Descent& at, VirtAddr address, Level leaf_level) {
        if (at.slot == nullptr) {
            return {.kind = ErrorKind::not_addressable,
                    .level = at.level,
                    .virt = address,
                    .phys = at.table.address()};
        }
        const EntryKind kind = kind_of(at.level, at.raw);
        if (kind == EntryKind::malformed) {
            return {.kind = ErrorKind::malformed, .level = at.level, .virt = address};
        }
        if (kind == EntryKind::table) {
            return {.kind = ErrorKind::unexpected_table,
                    .level = at.level,
                    .virt = address,
                    .phys = PhysAddr(at.raw & bits::table_frame)};
        }
        return {.kind = at.level == leaf_level ? ErrorKind::duplicated : ErrorKind::unexpected_leaf,
                .level = at.level,
                .virt = address,
                .phys = PhysAddr(at.raw & bits::leaf_frame(leaf_size_of(at.level)))};
    }

    /// The error for the highest table that withholds a right the flags ask for.
    constexpr Error denied(VirtAddr address, Level leaf_level, Flags flags) const {
        PhysAddr table = settings_.root.address();
        Level level = root_level_of(settings_.width);
        for (; level != leaf_level; level = below(level)) {
            const std::uint64_t raw =
                load_entry(window_(*Frame4k::containing(table))[index_of(level, address)]);
            table = PhysAddr(raw & bits::table_frame);
            if ((wanted(flags) & ~(raw ^ bits::no_execute)) != 0) {
                break;
            }
        }
        return {
            .kind = ErrorKind::invalid_permission, .level = level, .virt = address, .phys = table};
    }

    MapperSettings settings_;
    Window window_;
    Source* source_;
};

}  // namespace nestbed::paging
