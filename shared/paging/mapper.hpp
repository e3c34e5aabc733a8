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
        : settings_(settings), reach_(settings), window_(window), source_(&source) {}

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
        const std::uint64_t leaf = Entry<leaf_level>::leaf(frame, flags).raw();
        if (!reach_.contains(page.address()) || !encodable<Size>(leaf)) [[unlikely]] {
            return refusal(page.address(), leaf_level, leaf);
        }
        const Descent found = descend<leaf_level>(page.address(), Passage(flags));
        if (found.slot == nullptr || (found.raw & bits::present) != 0) [[unlikely]] {
            return obstacle(found, page.address(), leaf_level);
        }
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
        constexpr Level leaf_level = leaf_level_of(Size);
        if (!reach_.contains(page.address())) [[unlikely]] {
            return refusal(page.address(), leaf_level, bits::present);
        }
        const Descent found = descend<leaf_level>(page.address(), Passage());
        if (!is_leaf<leaf_level>(found)) [[unlikely]] {
            return obstacle(found, page.address(), leaf_level);
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
        constexpr Level leaf_level = leaf_level_of(Size);
        const std::uint64_t leaf = Entry<leaf_level>::leaf(frame, flags).raw();
        if (!reach_.contains(page.address()) || !encodable<Size>(leaf)) [[unlikely]] {
            return refusal(page.address(), leaf_level, leaf);
        }
        const Descent found = descend<leaf_level>(page.address(), Passage(flags));
        if (!is_leaf<leaf_level>(found)) [[unlikely]] {
            return obstacle(found, page.address(), leaf_level);
        }
        return replace(found, page, leaf);
    }

    /// Changes the flags of a mapped page; its frame, accessed, dirty and available bits stay.
    ///
    /// Errors: `not_exist`, `unexpected_leaf`, `unexpected_table`, `invalid_permission`,
    /// `unsupported`.
    template <PageSize Size>
    constexpr Result<StaleRights<Size>> protect(Page<Size> page, Flags flags) {
        constexpr Level leaf_level = leaf_level_of(Size);
        const std::uint64_t leaf = flags.to_leaf(Size);
        if (!reach_.contains(page.address()) || !encodable<Size>(leaf)) [[unlikely]] {
            return refusal(page.address(), leaf_level, leaf);
        }
        const Descent found = descend<leaf_level>(page.address(), Passage(flags));
        if (!is_leaf<leaf_level>(found)) [[unlikely]] {
            return obstacle(found, page.address(), leaf_level);
        }
        // A processor may set accessed or dirty between the load and the exchange; then the
        // exchange fails and is done again with the bits it missed.
        Entry<leaf_level> old(found.raw);
        std::uint64_t expected = old.raw();
        while (!compare_exchange_entry(*found.slot, expected, old.with_flags(flags).raw())) {
            old = Entry<leaf_level>(expected);
        }
        const bool owed = !only_grants_more(old.raw(), old.with_flags(flags).raw());
        return StaleRights<Size>(space(), page, old, owed);
    }

    /// What a linear address maps to, whatever the access rights; see `walk` for what the processor
    /// makes of it. The kernel's half may be looked at.
    ///
    /// Errors: `not_exist`.
    constexpr Result<Mapping> lookup(VirtAddr address) const {
        if (!address.is_canonical(settings_.width)) {
            return Error{.kind = ErrorKind::not_canonical, .virt = address};
        }
        const Descent found = descend<Level::pt>(address, Passage());
        if (found.slot == nullptr || kind_of(found.level, found.raw) != EntryKind::leaf) {
            return obstacle(found, address, found.level);
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
    // The table form is the same at every level that has it.
    using TableEntry = Entry<Level::pml5>;

    /// The linear addresses that are canonical and in scope, as one interval: a single comparison
    /// covers both, and telling which was violated is left to `refusal`.
    class Reach {
      public:
        constexpr explicit Reach(const MapperSettings& settings) {
            const std::uint64_t half = std::uint64_t{1}
                                       << (static_cast<unsigned>(settings.width) - 1);
            const bool whole = settings.scope == MapperScope::whole;
            below_zero_ = whole ? half : 0;
            size_ = whole ? 2 * half : half;
        }
        constexpr bool contains(VirtAddr address) const {
            return address.raw() + below_zero_ < size_;
        }

      private:
        std::uint64_t below_zero_;
        std::uint64_t size_;
    };

    /// What an entry must look like for the way to go on below it: a table, and one that grants
    /// what the leaf is to grant. One comparison tells; `obstacle` finds out what was wrong.
    class Passage {
      public:
        /// Through any table.
        constexpr Passage() : mask_(bits::present | bits::page_size), value_(bits::present) {}
        /// Through tables that withhold none of these rights.
        constexpr explicit Passage(Flags flags) {
            const std::uint64_t leaf = flags.to_leaf(PageSize::size_4k);
            value_ = leaf & (bits::present | bits::writable | bits::user);
            mask_ = value_ | bits::page_size | (~leaf & bits::no_execute);
        }
        constexpr bool leads_on(std::uint64_t raw) const { return (raw & mask_) == value_; }

      private:
        std::uint64_t mask_;
        std::uint64_t value_;
    };

    /// The entry that answers for an address: the leaf-level one, or the first above it that does
    /// not lead further down.
    struct Descent {
        /// Null if the table it lies in is outside the window.
        std::uint64_t* slot = nullptr;
        /// The entry as loaded; the address of its table if `slot` is null.
        std::uint64_t raw = 0;
        Level level = Level::pml4;
    };

    // Inlined by force: it is most of the work of every operation, and its result stays in
    // registers only then.
    template <Level Leaf>
    [[gnu::always_inline]] constexpr Descent descend(VirtAddr address, Passage passage) const {
        Descent at{.raw = settings_.root.address().raw()};
        const bool from_pml4 = settings_.width != LinearWidth::bits_57 ||
                               enter<Level::pml5, Leaf>(at, address, passage);
        static_cast<void>(from_pml4 && enter<Level::pml4, Leaf>(at, address, passage) &&
                          enter<Level::pdpt, Leaf>(at, address, passage) &&
                          enter<Level::pd, Leaf>(at, address, passage) &&
                          enter<Level::pt, Leaf>(at, address, passage));
        return at;
    }

    /// Looks at the entry in the table of level `L` and says whether the way goes on below it.
    template <Level L, Level Leaf>
    [[gnu::always_inline]] constexpr bool enter(Descent& at, VirtAddr address,
                                                Passage passage) const {
        at.level = L;
        const PhysAddr table(at.raw & bits::table_frame);
        std::uint64_t* entries = window_(*Frame4k::containing(table));
        if (entries == nullptr) [[unlikely]] {
            at.slot = nullptr;
            at.raw = table.raw();
            return false;
        }
        at.slot = &entries[index_of(L, address)];
        at.raw = load_entry(*at.slot);
        return L > Leaf && passage.leads_on(at.raw);
    }

    template <Level Leaf>
    static constexpr bool is_leaf(const Descent& at) {
        return at.slot != nullptr && at.level == Leaf &&
               Entry<Leaf>(at.raw).kind() == EntryKind::leaf;
    }

    /// Whether the processor can use a leaf entry: present, and no reserved bit set.
    template <PageSize Size>
    constexpr bool encodable(std::uint64_t leaf) const {
        if (Size == PageSize::size_1g && !settings_.format.pages_1g) {
            return false;
        }
        return (leaf & (bits::present | reserved_)) == bits::present;
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
        using LeafEntry = Entry<leaf_level_of(Size)>;
        const LeafEntry old(exchange_entry(*found.slot, raw));
        return StaleTlbEntry<Size>(space(), page, *LeafEntry(found.raw).leaf_frame(), old);
    }

    /// Makes the tables from below `found` down to the leaf's, with the leaf in the last, and then
    /// links them in by one store.
    [[gnu::noinline]] constexpr Result<void> build(Descent found, VirtAddr address,
                                                   Level leaf_level, std::uint64_t leaf) {
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

    /// Why an address is out of reach or a leaf entry is not `encodable`.
    [[gnu::cold, gnu::noinline]] constexpr Error refusal(VirtAddr address, Level leaf_level,
                                                         std::uint64_t leaf) const {
        if (!address.is_canonical(settings_.width)) {
            return {.kind = ErrorKind::not_canonical, .virt = address};
        }
        if (!reach_.contains(address)) {
            return {.kind = ErrorKind::kernel_half,
                    .level = root_level_of(settings_.width),
                    .virt = address};
        }
        if ((leaf & bits::present) == 0) {
            return {.kind = ErrorKind::invalid_permission, .level = leaf_level, .virt = address};
        }
        const std::uint64_t reserved = leaf & reserved_bits(leaf_level, leaf, settings_.format);
        const bool of_frame = (reserved & ~(bits::page_size | bits::no_execute)) != 0;
        return {.kind = of_frame ? ErrorKind::out_of_range : ErrorKind::unsupported,
                .level = leaf_level,
                .virt = address,
                .phys = PhysAddr(leaf & bits::leaf_frame(leaf_size_of(leaf_level)))};
    }

    /// What at the end of the way is not what an operation on a leaf at `leaf_level` needs.
    [[gnu::cold, gnu::noinline]] static constexpr Error obstacle(Descent at, VirtAddr address,
                                                                 Level leaf_level) {
        Error error{.kind = ErrorKind::not_exist, .level = at.level, .virt = address};
        if (at.slot == nullptr) {
            error.kind = ErrorKind::not_addressable;
            error.phys = PhysAddr(at.raw);
            return error;
        }
        switch (kind_of(at.level, at.raw)) {
            case EntryKind::not_present:
                break;
            case EntryKind::malformed:
                error.kind = ErrorKind::malformed;
                break;
            case EntryKind::table:
                // Above the leaf's level a table ends the way only if it withholds a right.
                error.kind = at.level == leaf_level ? ErrorKind::unexpected_table
                                                    : ErrorKind::invalid_permission;
                error.phys = PhysAddr(at.raw & bits::table_frame);
                break;
            case EntryKind::leaf:
                error.kind =
                    at.level == leaf_level ? ErrorKind::duplicated : ErrorKind::unexpected_leaf;
                error.phys = PhysAddr(at.raw & bits::leaf_frame(leaf_size_of(at.level)));
                break;
        }
        return error;
    }

    MapperSettings settings_;
    Reach reach_;
    /// The bits that no leaf may have, but for those that depend on its size.
    std::uint64_t reserved_ = reserved_bits(Level::pt, 0, settings_.format);
    Window window_;
    Source* source_;
};

}  // namespace nestbed::paging
