#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "bits.hpp"
#include "entry.hpp"
#include "fatal.hpp"
#include "flags.hpp"
#include "frame.hpp"
#include "leaf.hpp"
#include "level.hpp"
#include "live_entry.hpp"
#include "map_range.hpp"
#include "mapper_settings.hpp"
#include "mapping.hpp"
#include "merge.hpp"
#include "page.hpp"
#include "page_range.hpp"
#include "protect_range.hpp"
#include "required_rights.hpp"
#include "result.hpp"
#include "split.hpp"
#include "stale.hpp"
#include "stale_range.hpp"
#include "table_tree.hpp"
#include "unmap_range.hpp"
#include "window.hpp"

namespace nestbed::paging {

/// Maps pages to frames in the tree of tables under one root.
///
/// Writers exclude each other: the caller holds a lock per address space. Software that only looks
/// may do without, as `lookup` says. Processors may walk the tables at any moment; each change
/// becomes visible by atomic stores of single entries. Whatever fails has changed nothing: tables
/// that are missing are allocated before the first entry of the tree changes.
///
/// Tables made here grant everything, and the leaf decides. A table that someone else made and that
/// grants less than a page asks for is an error (`invalid_permission`): granting more there would
/// change the pages beside it.
///
/// An entry that is not present is free only if it is zero: else it is software's (a page swapped
/// out, say) or waits for `reclaim`, and is never overwritten (`occupied`).
///
/// The operations on one page are inlined by force, but for what they do when a table is missing or
/// something is in the way: so they cost what hand-written C does, and their results stay in
/// registers.
///
/// Errors of all operations, with their place: `not_canonical`; `kernel_half`; `malformed` (a table
/// entry that no processor accepts); `not_addressable`. What else can happen is said at each.
template <TableWindow Window, TableFrameSource Source>
class Mapper {
  public:
    /// `source` is kept by reference.
    constexpr Mapper(const MapperSettings& settings, Window window, Source& source)
        : tree_(settings, window, source) {}
    /// Two mappers of one tree would not know of each other's changes.
    Mapper(const Mapper&) = delete;
    Mapper& operator=(const Mapper&) = delete;

    constexpr const MapperSettings& settings() const { return tree_.settings(); }
    constexpr AddressSpaceId space() const { return {settings().root}; }

    /// Maps a page that is not mapped. There is no stale translation to invalidate, since an entry
    /// that is not present is never cached. Intel SDM Vol. 3A 4.10.4.3 "Optional Invalidation".
    ///
    /// Errors: `duplicated`, `unexpected_leaf`, `unexpected_table`, `occupied`,
    /// `invalid_permission` (no read, or more than a table above grants), `unsupported`,
    /// `out_of_range` (the frame lies above MAXPHYADDR), `out_of_frames`.
    template <PageSize Size>
    [[gnu::always_inline]] constexpr Result<void> map(Page<Size> page, Frame<Size> frame,
                                                      Flags flags) {
        constexpr Level leaf_level = leaf_level_of(Size);
        const std::uint64_t leaf = Entry<leaf_level>::leaf(frame, flags).raw();
        if (!tree_.bounds().contains(page.address()) || !tree_.template encodable<Size>(leaf))
            [[unlikely]] {
            return tree_.refusal(page.address(), leaf_level, leaf);
        }
        const RequiredRights required(flags);
        std::uint64_t* const slot = tree_.template leaf_slot<leaf_level>(page.address(), required);
        if (slot == nullptr || load_entry(*slot) != 0) [[unlikely]] {
            return map_with_new_tables<Size>(page, leaf, required);
        }
        store_entry(*slot, leaf);
        return {};
    }

    /// Maps pages that are not mapped to consecutive frames from `first` on, with leaves of up to
    /// the size `greatest` wherever addresses and tables allow it. A table that is there already is
    /// never replaced by a large leaf. What `range.size` is does not matter.
    ///
    /// Errors: as `map`, for the first page at which something is wrong.
    constexpr Result<void> map_range(const PageRange& range, Frame4k first, Flags flags,
                                     PageSize greatest = PageSize::size_4k) {
        if (range.empty()) {
            return {};
        }
        if (!tree_.bounds().contains(range)) {
            return tree_.refusal(range);
        }
        if (const auto fits = tree_.check_leaf(range.start, first.address(), flags); !fits) {
            return fits;
        }
        // The first frame fits; do the others?
        const std::uint64_t room = tree_.frames_end() - first.address().raw();
        if (range.bytes() > room) {
            return tree_.check_leaf(range.start + room, first.address() + room, flags);
        }
        return MapRange<Window, Source>(tree_, range, first, flags, greatest).run();
    }

    /// Unmaps a page and hands back its frame inside the obligation to invalidate it. Tables that
    /// become empty stay; `unmap_range` frees them.
    ///
    /// Errors: `not_exist`, `unexpected_leaf`, `unexpected_table`.
    template <PageSize Size>
    [[gnu::always_inline]] constexpr Result<StaleTlbEntry<Size>> unmap(Page<Size> page) {
        constexpr Level leaf_level = leaf_level_of(Size);
        if (!tree_.bounds().contains(page.address())) [[unlikely]] {
            return tree_.refusal(page.address(), leaf_level, bits::present);
        }
        std::uint64_t* const slot =
            tree_.template leaf_slot<leaf_level>(page.address(), RequiredRights());
        if (slot == nullptr || !is_leaf<leaf_level>(load_entry(*slot))) [[unlikely]] {
            return obstacle<leaf_level>(page.address(), RequiredRights());
        }
        return replace(*slot, page, 0);
    }

    /// Unmaps all that is mapped in a range, whatever its page size, and the tables that become
    /// empty by it. A large leaf that lies only partly in the range is split first. Pages that are
    /// not mapped are passed over.
    ///
    /// Three steps, with the types leading from each to the next:
    ///
    ///     auto detached = mapper.unmap_range(range);
    ///     auto done = std::move(*detached).invalidate(invalidator);
    ///     mapper.reclaim(std::move(done), sink);
    ///
    /// Until `reclaim`, what was detached is `occupied`, which mapping something into the same
    /// tables can meet; another `unmap_range` or `merge` fails with `reclaim_pending`; and software
    /// stores nothing of its own into the entries of the range. To hold the lock through all three
    /// steps is the simplest.
    ///
    /// The root's entries of the kernel's half stay, and with them the tables that they lead to,
    /// since other roots share them.
    ///
    /// Errors: `occupied`, `out_of_frames` (for a split), `reclaim_pending`.
    constexpr Result<DetachedRange> unmap_range(const PageRange& range) {
        if (range.empty()) {
            return DetachedRange(space(), range, range, false, false);
        }
        if (!tree_.bounds().contains(range)) {
            return tree_.refusal(range);
        }
        if (reclaim_pending_) {
            return Error{.kind = ErrorKind::reclaim_pending, .virt = range.start};
        }
        const auto done = UnmapRange<Window, Source>(tree_, range).run();
        if (!done) {
            return done.error();
        }
        reclaim_pending_ = done->detached;
        return DetachedRange(space(), range, done->stale, done->detached, done->frees_tables);
    }

    /// Gives the frames of a range back, by `sink(const UnmappedPage&)` in the order of addresses,
    /// and the tables to their source. No software that looks without the lock is in them any more:
    /// see `lookup`.
    template <UnmappedPageSink Sink>
    constexpr void reclaim(Invalidated<DetachedRange>&& done, Sink&& sink) {
        if (!done.owed()) {
            return;
        }
        require_own(done.what().space());
        const PageRange& range = done.what().within();
        ReclaimRange<Window, Source, Sink>(tree_, sink)
            .search(tree_.root_level(), settings().root, range.start, range.last());
        done.obligation_.discharge();
        reclaim_pending_ = false;
    }

    /// Maps a mapped page to another frame. The old frame comes back as from `unmap`; accessed and
    /// dirty start clear.
    ///
    /// Errors: `not_exist`, `unexpected_leaf`, `unexpected_table`, `invalid_permission`,
    /// `unsupported`, `out_of_range`.
    template <PageSize Size>
    [[gnu::always_inline]] constexpr Result<StaleTlbEntry<Size>> remap(Page<Size> page,
                                                                       Frame<Size> frame,
                                                                       Flags flags) {
        constexpr Level leaf_level = leaf_level_of(Size);
        const std::uint64_t leaf = Entry<leaf_level>::leaf(frame, flags).raw();
        if (!tree_.bounds().contains(page.address()) || !tree_.template encodable<Size>(leaf))
            [[unlikely]] {
            return tree_.refusal(page.address(), leaf_level, leaf);
        }
        const RequiredRights required(flags);
        std::uint64_t* const slot = tree_.template leaf_slot<leaf_level>(page.address(), required);
        if (slot == nullptr || !is_leaf<leaf_level>(load_entry(*slot))) [[unlikely]] {
            return obstacle<leaf_level>(page.address(), required);
        }
        return replace(*slot, page, leaf);
    }

    /// Changes the flags of a mapped page; its frame, accessed, dirty and available bits stay.
    ///
    /// Errors: `not_exist`, `unexpected_leaf`, `unexpected_table`, `invalid_permission`,
    /// `unsupported`.
    template <PageSize Size>
    [[gnu::always_inline]] constexpr Result<StaleRights<Size>> protect(Page<Size> page,
                                                                       Flags flags) {
        constexpr Level leaf_level = leaf_level_of(Size);
        const std::uint64_t leaf = flags.to_leaf(Size);
        if (!tree_.bounds().contains(page.address()) || !tree_.template encodable<Size>(leaf))
            [[unlikely]] {
            return tree_.refusal(page.address(), leaf_level, leaf);
        }
        const RequiredRights required(flags);
        std::uint64_t* const slot = tree_.template leaf_slot<leaf_level>(page.address(), required);
        const std::uint64_t raw = slot == nullptr ? 0 : load_entry(*slot);
        if (!is_leaf<leaf_level>(raw)) [[unlikely]] {
            return obstacle<leaf_level>(page.address(), required);
        }
        const std::uint64_t old = exchange_leaf_flags(*slot, leaf_level, raw, flags);
        const bool owed = !only_grants_more(old, with_leaf_flags(leaf_level, old, flags));
        return StaleRights<Size>(space(), page, Entry<leaf_level>(old), owed);
    }

    /// Changes the flags of all pages of a range, whatever their sizes. A large leaf that lies only
    /// partly in the range is split first.
    ///
    /// Errors: `not_exist` (a page of the range is not mapped), `occupied`, `invalid_permission`,
    /// `unsupported`, `out_of_frames` (for a split).
    constexpr Result<StaleRange> protect_range(const PageRange& range, Flags flags) {
        if (range.empty()) {
            return StaleRange(space(), range, false);
        }
        if (!tree_.bounds().contains(range)) {
            return tree_.refusal(range);
        }
        const std::uint64_t leaf = flags.to_leaf(PageSize::size_4k);
        if (!tree_.template encodable<PageSize::size_4k>(leaf)) {
            return tree_.refusal(range.start, Level::pt, leaf);
        }
        return ProtectRange<Window, Source>(tree_, range, flags).run();
    }

    /// Replaces a large leaf by a table of the 512 leaves of the next smaller size that it is made
    /// of, with the same flags.
    ///
    /// No translation becomes wrong by it, but until the page is invalidated a processor may hold
    /// translations of both sizes, which some do badly with (Intel's erratum of a machine check for
    /// instruction fetches through both): so the invalidation is owed.
    ///
    /// Errors: `not_exist`, `unexpected_leaf`, `unexpected_table`, `out_of_frames`.
    template <PageSize Size>
    constexpr Result<StaleRange> split(Page<Size> page) requires(Size != PageSize::size_4k) {
        if (!tree_.bounds().contains(page.address())) {
            return tree_.refusal(page.address(), leaf_level_of(Size), bits::present);
        }
        if (const Result<void> done = split_page(tree_, page); !done) {
            return done.error();
        }
        return StaleRange(space(), PageRange::of(page), true);
    }

    /// Replaces a table of 512 leaves by the one large leaf that maps the same: their frames are
    /// consecutive and aligned to the larger size, and they differ in nothing but accessed and
    /// dirty.
    ///
    /// It has the steps of `unmap_range`: the table is detached, `reclaim` frees it and stores the
    /// large leaf. In between the page is not present, so that no processor ever has translations
    /// of both sizes and no accessed or dirty bit is lost; whoever touches it then takes a page
    /// fault, which the kernel answers by trying again.
    ///
    /// Errors: `reclaim_pending`, `not_exist`, `unexpected_leaf` (it is a large leaf
    /// already), `not_mergeable`, `invalid_permission` (the table's own entry grants less than the
    /// pages), `unsupported`.
    template <PageSize Size>
    constexpr Result<DetachedTable<Size>> merge(Page<Size> page) requires(Size !=
                                                                          PageSize::size_4k) {
        const VirtAddr address = page.address();
        if (!tree_.bounds().contains(address)) {
            return tree_.refusal(address, leaf_level_of(Size), bits::present);
        }
        if (reclaim_pending_) {
            return Error{.kind = ErrorKind::reclaim_pending, .virt = address};
        }
        const Result<std::uint64_t> leaf = detach_parts(tree_, page);
        if (!leaf) {
            return leaf.error();
        }
        reclaim_pending_ = true;
        return DetachedTable<Size>(space(), page, *leaf);
    }

    /// The same for merged pages: frees their table and maps the large page in its place, accessed
    /// and dirty if any of its parts was, to the last.
    template <PageSize Size>
    constexpr void reclaim(Invalidated<DetachedTable<Size>>&& done) {
        constexpr Level leaf_level = leaf_level_of(Size);
        done.obligation_.require_owed();
        require_own(done.what().space());
        const VirtAddr address = done.what().page().address();
        std::uint64_t& slot = *tree_.template leaf_slot<leaf_level>(address, RequiredRights());
        const Frame4k table = *TableEntry(load_entry(slot) | bits::present).next_table();
        const std::uint64_t found = take_processor_bits(tree_.window()(table));
        store_entry(slot, done.what().leaf_ | found);
        tree_.source().free_zeroed(table);
        done.obligation_.discharge();
        reclaim_pending_ = false;
    }

    /// What a linear address maps to, whatever the access rights; see `walk` for what the processor
    /// makes of it. The kernel's half may be looked at.
    ///
    /// It needs no lock beside writers that reclaim nothing. Beside `reclaim`, which frees tables
    /// that it may stand in, it needs the writers' lock, or an epoch for whose walkers the writer
    /// waits before it reclaims (`shootdown::WalkerEpoch`). The invalidation does not wait for
    /// software, and interrupts that are off hold up no shootdown that interrupts nobody.
    ///
    /// Errors: `not_exist`.
    [[gnu::always_inline]] constexpr Result<Mapping> lookup(VirtAddr address) const {
        if (!address.is_canonical(settings().width)) {
            return Error{.kind = ErrorKind::not_canonical, .virt = address};
        }
        const Descent found = tree_.template descend<Level::pt>(address, RequiredRights());
        // The size is a constant in each case, so that decoding is a few masks. Without a table
        // `raw` is its address, which is never present.
        if (found.level == Level::pt && is_leaf<Level::pt>(found.raw)) [[likely]] {
            return Mapping::by_leaf<Level::pt>(found.raw, address);
        }
        if (found.level == Level::pd && is_leaf<Level::pd>(found.raw)) {
            return Mapping::by_leaf<Level::pd>(found.raw, address);
        }
        if (found.level == Level::pdpt && is_leaf<Level::pdpt>(found.raw)) {
            return Mapping::by_leaf<Level::pdpt>(found.raw, address);
        }
        return no_mapping(found.slot, found.raw, found.level, address);
    }

  private:
    /// What `lookup` says if there is none. It judges by what it saw, since a
    /// reader may hold no lock.
    [[gnu::cold, gnu::noinline]] static constexpr Error no_mapping(std::uint64_t* slot,
                                                                   std::uint64_t raw, Level level,
                                                                   VirtAddr address) {
        return TableTree<Window, Source>::obstacle({slot, raw, level}, address, level);
    }

    template <Level Leaf>
    static constexpr bool is_leaf(std::uint64_t raw) {
        return kind_of(Leaf, raw) == EntryKind::leaf;
    }

    /// `map` where a table is missing, or something is in the way.
    template <PageSize Size>
    [[gnu::noinline]] constexpr Result<void> map_with_new_tables(Page<Size> page,
                                                                 std::uint64_t leaf,
                                                                 RequiredRights required) {
        constexpr Level leaf_level = leaf_level_of(Size);
        const Descent found = tree_.template descend<leaf_level>(page.address(), required);
        if (found.slot == nullptr || found.raw != 0) {
            return tree_.obstacle_to_map(found, page.address(), leaf_level);
        }
        return tree_.build(found, page.address(), leaf_level, leaf);
    }

    /// Why there is no leaf of this level for an address.
    template <Level Leaf>
    [[gnu::cold, gnu::noinline]] constexpr Error obstacle(VirtAddr address,
                                                          RequiredRights required) const {
        return tree_.obstacle(tree_.template descend<Leaf>(address, required), address, Leaf);
    }

    constexpr void require_own(AddressSpaceId of) const {
        if (of != space()) {
            nestbed_paging_fatal("paging: reclaimed by the mapper of another address space");
        }
    }

    template <PageSize Size>
    constexpr StaleTlbEntry<Size> replace(std::uint64_t& slot, Page<Size> page, std::uint64_t raw) {
        // An exchange, since the processor may set accessed or dirty until the last moment, and
        // the owner of the frame must learn that it was written to.
        using LeafEntry = Entry<leaf_level_of(Size)>;
        const LeafEntry old(exchange_entry(slot, raw));
        return StaleTlbEntry<Size>(space(), page, *old.leaf_frame(), old);
    }

    TableTree<Window, Source> tree_;
    /// Whether a detached range or table waits for `reclaim`.
    bool reclaim_pending_ = false;
};

}  // namespace nestbed::paging
