// A guest's tables over a second stage's, in one pool of frames, and walks through both.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "shared/paging/entry.hpp"
#include "shared/paging/walk2d.hpp"
#include "table_pool.hpp"

namespace nestbed::paging::test {

inline constexpr std::uint64_t linear = 0x7f12'3456'789a;

/// The shape of a guest's tree over a second stage's.
struct Shape {
    Level guest_top = Level::pml4;
    PageSize guest_page = PageSize::size_4k;
    Level nested_top = Level::pml4;
    PageSize nested_page = PageSize::size_4k;
};

/// A guest that maps the page of `linear`, over a second stage that maps that page and the guest's
/// tables. Guest-physical memory lies `tables_offset` (the tables) or `page_offset` (the page)
/// above host-physical memory. `Ept` says which kind of second stage, since NPT is the other.
template <bool Ept>
class TwoStages {
  public:
    static constexpr std::uint64_t tables_offset = 0x4000'0000;
    static constexpr std::uint64_t page_offset = 0x40'0000'0000;
    static constexpr std::uint64_t host_page = 0x40'0000'0000;

    constexpr explicit TwoStages(Shape shape)
        : shape_(shape), guest_root_(*pool_.allocate_zeroed()) {
        const Flags everything(read | write | user | execute);
        set(guest(), linear, guest_leaf_level(),
            (host_page + page_offset) | everything.to_leaf(shape.guest_page) | bits::accessed |
                bits::dirty);
        map_nested(final_address());
        for (Level level = shape.guest_top; level >= guest_leaf_level(); level = below(level)) {
            map_nested(guest_entry(level));
        }
    }

    constexpr Frame4k guest_root() const {
        return *Frame4k::from(guest_root_.address() + tables_offset);
    }
    constexpr Level guest_leaf_level() const { return leaf_level_of(shape_.guest_page); }

    /// The guest-physical address of the guest's entry of a level for `linear`.
    constexpr PhysAddr guest_entry(Level level) {
        return place(guest(), linear, level) + tables_offset;
    }
    /// The guest-physical address that `linear` translates to.
    constexpr PhysAddr final_address() const {
        return PhysAddr(host_page + page_offset + (linear & offset_mask_of(shape_.guest_page)));
    }

    /// The guest's own entry of a level for `linear`.
    constexpr std::uint64_t& guest_slot(Level level) { return slot(place(guest(), linear, level)); }
    /// The second stage's entry of a level for a guest-physical address.
    constexpr std::uint64_t& nested_slot(PhysAddr guest_physical, Level level) {
        return slot(place(nested(), guest_physical.raw(), level));
    }
    constexpr std::uint64_t& nested_leaf(PhysAddr guest_physical) {
        return nested_slot(guest_physical, leaf_level_of(shape_.nested_page));
    }

    constexpr EptStage ept(const EptFormat& format = {}) const {
        const bool five = shape_.nested_top == Level::pml5;
        return {
            .pointer = EptPointer(pool_.root(), five ? EptWalkLength::five : EptWalkLength::four),
            .format = format};
    }
    constexpr NptStage npt() const {
        return {.root = pool_.root(), .la57 = shape_.nested_top == Level::pml5};
    }

    template <SecondStage Stage>
    constexpr auto walk(const Stage& stage, Access access = {}, ControlState state = {},
                        std::uint64_t address = linear) {
        state.la57 = shape_.guest_top == Level::pml5;
        reads_ = 0;
        const auto reader = pool_.reader();
        const auto counted = [&](PhysAddr entry) {
            ++reads_;
            return reader(entry);
        };
        return walk2d(counted, stage, guest_root(), address, access, state);
    }
    constexpr auto walk(Access access = {}, const ControlState& state = {}) {
        if constexpr (Ept) {
            return walk(ept(), access, state);
        } else {
            return walk(npt(), access, state);
        }
    }

    /// How many reads the last walk really made.
    constexpr std::size_t reads() const { return reads_; }

  private:
    /// A tree of tables in the pool, whose entries hold addresses `offset` above the pool's.
    struct Tree {
        Frame4k root;
        Level top;
        std::uint64_t offset;
        std::uint64_t table_bits;
    };

    constexpr Tree guest() const {
        const std::uint64_t permissive = Pde::table(Frame4k::at<0>()).raw();
        return {guest_root_, shape_.guest_top, tables_offset, permissive | bits::accessed};
    }
    constexpr Tree nested() const {
        return {pool_.root(), shape_.nested_top, 0,
                Ept ? EptPde::table(Frame4k::at<0>()).raw() : Pde::table(Frame4k::at<0>()).raw()};
    }

    constexpr std::uint64_t& slot(PhysAddr entry) {
        const Frame4k table = *Frame4k::containing(entry);
        return pool_.entries(table)[entry.offset_in(PageSize::size_4k) / entry_bytes];
    }

    /// Where the entry is in the pool; makes the tables above it where they are missing.
    constexpr PhysAddr place(const Tree& tree, std::uint64_t address, Level level) {
        PhysAddr table = tree.root.address();
        for (Level at = tree.top;; at = below(at)) {
            const PhysAddr entry = table + index_of(at, VirtAddr(address)) * entry_bytes;
            if (at == level) {
                return entry;
            }
            std::uint64_t& raw = slot(entry);
            if (raw == 0) {
                raw = (pool_.allocate_zeroed()->address() + tree.offset).raw() | tree.table_bits;
            }
            table = PhysAddr((raw & bits::table_frame) - tree.offset);
        }
    }

    constexpr void set(const Tree& tree, std::uint64_t address, Level level, std::uint64_t raw) {
        slot(place(tree, address, level)) = raw;
    }

    constexpr void map_nested(PhysAddr guest_physical) {
        const std::uint64_t offset =
            guest_physical.raw() >= page_offset ? page_offset : tables_offset;
        const PageSize size = shape_.nested_page;
        const std::uint64_t host = guest_physical.align_down(size).raw() - offset;
        const std::uint64_t flags = Ept ? EptFlags(ept_all_granted).to_leaf(size)
                                        : Flags(read | write | user | execute).to_leaf(size);
        set(nested(), guest_physical.raw(), leaf_level_of(size), host | flags);
    }

    Shape shape_;
    TablePool<24> pool_;
    Frame4k guest_root_;
    std::size_t reads_ = 0;
};

using OverEpt = TwoStages<true>;
using OverNpt = TwoStages<false>;

}  // namespace nestbed::paging::test
