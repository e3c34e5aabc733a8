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
#include "mapper_bounds.hpp"
#include "mapper_settings.hpp"
#include "required_rights.hpp"
#include "result.hpp"
#include "window.hpp"

namespace nestbed::paging {

/// The entry that answers for an address: the leaf-level one, or the first above it that does not
/// lead further down.
struct Descent {
    /// Null if the table it lies in is outside the window.
    std::uint64_t* slot = nullptr;
    /// The entry as loaded; the address of its table if `slot` is null.
    std::uint64_t raw = 0;
    Level level = Level::pml4;
};

/// What the processor's table form is at every level that has it.
using TableEntry = Entry<Level::pml5>;

/// The tree of tables under one root, and the ways through it: what the mapper's operations share.
template <TableWindow Window, TableFrameSource Source>
class TableTree {
  public:
    constexpr TableTree(const MapperSettings& settings, Window window, Source& source)
        : settings_(settings), bounds_(settings), window_(window), source_(&source) {}

    constexpr const MapperSettings& settings() const { return settings_; }
    constexpr const MapperBounds& bounds() const { return bounds_; }
    constexpr const Window& window() const { return window_; }
    constexpr Source& source() const { return *source_; }
    constexpr Level root_level() const { return root_level_of(settings_.width); }

    /// Whether the processor can use a leaf entry: present, and no reserved bit set.
    template <PageSize Size>
    constexpr bool encodable(std::uint64_t leaf) const {
        if (Size == PageSize::size_1g && !settings_.format.pages_1g) {
            return false;
        }
        return (leaf & (bits::present | reserved_)) == bits::present;
    }

    /// Whether a 4 KiB leaf can map this frame with these flags.
    constexpr Result<void> check_leaf(VirtAddr address, PhysAddr frame, Flags flags) const {
        if (!PhysAddr::within(frame.raw(), architectural_physical_bits)) {
            return Error{.kind = ErrorKind::out_of_range, .virt = address, .phys = frame};
        }
        const std::uint64_t leaf = frame.raw() | flags.to_leaf(PageSize::size_4k);
        if (!encodable<PageSize::size_4k>(leaf)) {
            return refusal(address, Level::pt, leaf);
        }
        return {};
    }

    /// The first physical address that no leaf can have.
    constexpr std::uint64_t frames_end() const {
        const unsigned width = settings_.format.maxphyaddr;
        return std::uint64_t{1} << (width < architectural_physical_bits
                                        ? width
                                        : architectural_physical_bits);
    }

    /// The entry of level `Leaf` for an address; null if the way does not lead so far. `descend`
    /// then tells why, at leisure: whoever calls both holds the lock, so that the way is still the
    /// same.
    template <Level Leaf>
    [[gnu::always_inline]] constexpr std::uint64_t* leaf_slot(VirtAddr address,
                                                              RequiredRights required) const {
        Descent at;
        return follow<Leaf>(at, address, required) ? at.slot : nullptr;
    }

    /// Follows an address down to the entry of level `Leaf`, as far as tables grant what is
    /// `required`.
    template <Level Leaf>
    [[gnu::always_inline]] constexpr Descent descend(VirtAddr address,
                                                     RequiredRights required) const {
        Descent at;
        if (follow<Leaf>(at, address, required)) {
            at.raw = load_entry(*at.slot);
        }
        return at;
    }

    /// Makes the tables from below `found` down to the leaf's, with the leaf in the last, and then
    /// links them in by one store. Errors: `out_of_frames`, `not_addressable`; nothing has changed.
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

    /// Why an address is out of bounds or a leaf entry is not `encodable`.
    [[gnu::cold, gnu::noinline]] constexpr Error refusal(VirtAddr address, Level leaf_level,
                                                         std::uint64_t leaf) const {
        if (!address.is_canonical(settings_.width)) {
            return {.kind = ErrorKind::not_canonical, .virt = address};
        }
        if (!bounds_.contains(address)) {
            return {.kind = ErrorKind::kernel_half, .level = root_level(), .virt = address};
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

    /// Why a range that is not empty is out of bounds, for the first address of it that is. What
    /// starts amid a page or would go past the last 64-bit address is refused at its start, as by
    /// `PageRange::from`.
    [[gnu::cold, gnu::noinline]] constexpr Error refusal(const PageRange& range) const {
        if (!range.start.is_aligned(PageSize::size_4k)) {
            return {.kind = ErrorKind::unaligned, .virt = range.start};
        }
        if (!range.is_addressable()) {
            return {.kind = ErrorKind::out_of_range, .virt = range.start};
        }
        // From within bounds only the end of the lower half leads out.
        const bool starts_within = bounds_.contains(range.start);
        return refusal(starts_within ? lower_half(settings_.width).last() + 1 : range.start,
                       Level::pt, bits::present);
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

    /// The same, for an operation that needs the place to be free.
    [[gnu::cold, gnu::noinline]] static constexpr Error obstacle_to_map(Descent at,
                                                                        VirtAddr address,
                                                                        Level leaf_level) {
        if (at.slot != nullptr && (at.raw & bits::present) == 0) {
            return {.kind = ErrorKind::occupied, .level = at.level, .virt = address};
        }
        return obstacle(at, address, leaf_level);
    }

  private:
    /// Goes down to the table of level `Leaf` and says whether it came so far. There `at.raw` is
    /// not loaded yet.
    ///
    /// Inlined by force: it is most of the work of every operation on one page, and its result
    /// stays in registers only then.
    template <Level Leaf>
    [[gnu::always_inline]] constexpr bool follow(Descent& at, VirtAddr address,
                                                 RequiredRights required) const {
        at.raw = settings_.root.address().raw();
        if (settings_.width == LinearWidth::bits_57 &&
            !enter<Level::pml5, Leaf>(at, address, required)) {
            return false;
        }
        return enter<Level::pml4, Leaf>(at, address, required) &&
               enter<Level::pdpt, Leaf>(at, address, required) &&
               (Leaf == Level::pdpt ||
                (enter<Level::pd, Leaf>(at, address, required) &&
                 (Leaf == Level::pd || enter<Level::pt, Leaf>(at, address, required))));
    }

    /// Finds the entry in the table of level `L`, and above `Leaf` says whether the way goes on.
    template <Level L, Level Leaf>
    [[gnu::always_inline]] constexpr bool enter(Descent& at, VirtAddr address,
                                                RequiredRights required) const {
        at.level = L;
        const PhysAddr table(at.raw & bits::table_frame);
        std::uint64_t* entries = window_(*Frame4k::containing(table));
        if (entries == nullptr) [[unlikely]] {
            at.slot = nullptr;
            at.raw = table.raw();
            return false;
        }
        at.slot = &entries[index_of(L, address)];
        if (L == Leaf) {
            return true;
        }
        at.raw = load_entry(*at.slot);
        return required.granted_by(at.raw);
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

    MapperSettings settings_;
    MapperBounds bounds_;
    /// The bits that no leaf may have, but for those that depend on its size.
    std::uint64_t reserved_ = reserved_bits(Level::pt, 0, settings_.format);
    Window window_;
    Source* source_;
};

}  // namespace nestbed::paging
