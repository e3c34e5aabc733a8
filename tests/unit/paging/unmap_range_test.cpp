// Unmapping a range: what is split, detached, owed, given back, and in which order.

#include "mapper_range.hpp"

namespace nestbed::paging::test {
namespace {

// Trap: unmapping part of a large leaf skipped instead of split.
TEST_F(MapperRange, UnmappingPartOfALargePageSplitsIt) {
    ASSERT_TRUE(map(0, gib1, 4 * gib1, PageSize::size_1g));
    const auto pages = unmap(mib2 + kib4, 2 * kib4);
    ASSERT_EQ(pages.size(), 2u);
    EXPECT_EQ(pages[0].page, start + (mib2 + kib4));
    EXPECT_EQ(pages[0].frame, PhysAddr(4 * gib1 + mib2 + kib4));
    EXPECT_EQ(pages[0].size, PageSize::size_4k);
    EXPECT_EQ(leaf_sizes(),
              (Sizes{{PageSize::size_2m, 1}, {PageSize::size_4k, 510}, {PageSize::size_2m, 510}}));
    expect_linear(0, mib2 + kib4, 4 * gib1);
    expect_linear(mib2 + 3 * kib4, gib1 - (mib2 + 3 * kib4), 4 * gib1 + mib2 + 3 * kib4);
    EXPECT_EQ(stale, range_at(mib2 + kib4, 2 * kib4));
    EXPECT_EQ(invalidator.range, stale);
}

TEST_F(MapperRange, APartOfALargePageIsInvalidatedPageByPage) {
    for (const std::uint64_t first : {std::uint64_t{0}, mib2 - 2 * kib4}) {
        ASSERT_TRUE(map(0, mib2, mib2, PageSize::size_2m));
        EXPECT_EQ(unmap(first, 2 * kib4).size(), 2u);
        EXPECT_EQ(invalidator.range, range_at(first, 2 * kib4));
        EXPECT_EQ(unmap(0, mib2).size(), 510u);
    }
}

TEST_F(MapperRange, SplittingBothEndsTakesNoMoreTablesThanNeeded) {
    ASSERT_TRUE(map(0, gib1, 0, PageSize::size_1g));
    EXPECT_EQ(unmap(kib4, gib1 - 2 * kib4).size(), 510u + 511u + 511u);
    EXPECT_EQ(leaf_sizes(), (Sizes{{PageSize::size_4k, 2}}));
    EXPECT_EQ(pool.used(), 4u);
}

TEST_F(MapperRange, OutOfFramesForASplitChangesNothing) {
    ASSERT_TRUE(map(0, gib1, 0, PageSize::size_1g));
    const auto before = snapshot(pool);
    for (const std::size_t frames : {0u, 1u, 2u}) {
        pool.limit(frames);
        EXPECT_EQ(mapper.unmap_range(range_at(kib4, gib1 - 2 * kib4)).error().kind,
                  ErrorKind::out_of_frames);
        EXPECT_EQ(mapper.protect_range(range_at(kib4, gib1 - 2 * kib4), flags).error().kind,
                  ErrorKind::out_of_frames);
        EXPECT_EQ(snapshot(pool), before);
    }
    EXPECT_FALSE(pool.gave_back_dirty());
}

TEST_F(MapperRange, UnmappingFreesTheTablesThatBecomeEmpty) {
    ASSERT_TRUE(map(0, 2 * gib1, 0, PageSize::size_2m));
    ASSERT_TRUE(map(2 * gib1, mib2, 0));
    EXPECT_EQ(unmap(kib4 * 512, 2 * gib1).size(), 1023u + 512u);
    EXPECT_EQ(pool.used(), 2u) << "the PDPT, and the PD of the first page";
    EXPECT_EQ(unmap(0, mib2).size(), 1u);
    EXPECT_EQ(pool.used(), 0u);
    EXPECT_FALSE(pool.gave_back_dirty());
}

TEST_F(MapperRange, AFullTableGoesByOneStore) {
    ASSERT_TRUE(map(0, 2 * mib2, 0));
    auto detached = mapper.unmap_range(range_at(0, mib2));
    ASSERT_TRUE(detached);
    EXPECT_TRUE(detached->frees_tables());
    const std::uint64_t top = slot(pool, start, Level::pd);
    EXPECT_EQ(top & bits::present, 0u);
    const auto* leaves = pool.entries(*Frame4k::containing(PhysAddr(top & bits::table_frame)));
    EXPECT_EQ(leaves[0] & bits::present, bits::present);
    mapper.reclaim(std::move(*detached).invalidate(invalidator), [](const UnmappedPage& page) {
        EXPECT_EQ(page.raw & bits::present, 0u) << "whichever entry on the way was cleared";
    });
}

TEST_F(MapperRange, UnmappingPassesOverHolesAndInvalidatesWhatWasMapped) {
    ASSERT_TRUE(map(mib2, kib4, 0x7000));
    ASSERT_TRUE(map(4 * mib2, mib2, mib2, PageSize::size_2m));
    ASSERT_TRUE(map(16 * mib2, kib4, 0x8000));
    EXPECT_EQ(unmap(0, 8 * mib2).size(), 2u);
    EXPECT_EQ(stale, range_at(mib2, 4 * mib2)) << "from the first to the last page";
    EXPECT_EQ(invalidator.whole_space_calls, 1) << "more pages than are worth it one by one";
    EXPECT_EQ(invalidator.space, mapper.space());

    ASSERT_TRUE(map(4 * mib2, 2 * mib2, 2 * mib2, PageSize::size_2m));
    EXPECT_EQ(unmap(0, 8 * mib2).size(), 2u);
    EXPECT_EQ(invalidator.calls, 1);
    EXPECT_EQ(invalidator.range->size, PageSize::size_2m) << "one invalidation a large page";
    EXPECT_EQ(invalidator.range->pages, 2u);

    EXPECT_TRUE(unmap(0, 8 * mib2).empty());
    EXPECT_EQ(stale, std::nullopt) << "nothing was mapped, nothing is owed";
    EXPECT_EQ(invalidator.calls + invalidator.whole_space_calls, 2);
}

TEST_F(MapperRange, TheInvalidatorLearnsWhetherTablesAreFreed) {
    ASSERT_TRUE(map(0, 2 * kib4, 0));
    unmap(0, kib4);
    EXPECT_FALSE(invalidator.frees_tables);
    unmap(0, 2 * kib4);
    EXPECT_TRUE(invalidator.frees_tables);
}

TEST_F(MapperRange, AnEmptyTableIsFreedAndItsWayInvalidated) {
    ASSERT_TRUE(map(mib2, kib4, 0x7000));
    auto page = mapper.unmap(Page4k::containing(start + mib2));
    static_cast<void>((*std::move(page)).invalidate(invalidator));
    EXPECT_EQ(pool.used(), 3u) << "unmapping one page leaves its tables";
    EXPECT_TRUE(unmap(0, 8 * mib2).empty());
    EXPECT_EQ(pool.used(), 0u);
    EXPECT_EQ(stale, range_at(mib2, kib4)) << "an address that led to the table";
}

// Trap: collecting empty tables walks into the kernel's shared half.
TEST_F(MapperRange, TablesOfTheKernelsRootEntriesStay) {
    Mapper kernel = pool.mapper({.root = Pool::root(), .scope = MapperScope::whole});
    const PageRange half = upper_half(LinearWidth::bits_48);
    const PageRange part{half.start + gib1, 2};
    ASSERT_TRUE(kernel.map_range(part, frame_at(0), flags));
    const std::uint64_t root_entry = slot(pool, part.start, Level::pml4);
    auto detached = kernel.unmap_range(half);
    ASSERT_TRUE(detached);
    EXPECT_EQ(slot(pool, part.start, Level::pml4), root_entry);
    int pages = 0;
    kernel.reclaim(std::move(*detached).invalidate(invalidator),
                   [&](const UnmappedPage&) { ++pages; });
    EXPECT_EQ(pages, 2);
    EXPECT_EQ(slot(pool, part.start, Level::pml4), root_entry);
    EXPECT_EQ(pool.used(), 1u) << "all tables below the shared PDPT are gone";
    // A user's mapper does not even get that far.
    EXPECT_EQ(mapper.unmap_range(half).error().kind, ErrorKind::kernel_half);
}

TEST_F(MapperRange, UntilReclaimedNothingIsMappedOverWhatWasDetached) {
    ASSERT_TRUE(map(0, 4 * kib4, 0x4000));
    auto detached = mapper.unmap_range(range_at(0, 2 * kib4));
    EXPECT_EQ(mapper.lookup(start).error().kind, ErrorKind::not_exist);
    EXPECT_EQ(mapper.unmap(Page4k::containing(start)).error().kind, ErrorKind::not_exist);
    const Error occupied{.kind = ErrorKind::occupied, .level = Level::pt, .virt = start};
    EXPECT_EQ(mapper.map(Page4k::containing(start), frame_at(0), flags).error(), occupied);
    EXPECT_EQ(map(0, kib4, 0).error(), occupied);
    EXPECT_EQ(mapper.protect_range(range_at(0, 4 * kib4), flags).error(), occupied);
    // Beside it everything goes on.
    ASSERT_TRUE(map(4 * kib4, kib4, 0x8000));
    auto page = mapper.unmap(Page4k::containing(start + 3 * kib4));
    EXPECT_EQ((*std::move(page)).invalidate(invalidator), frame_at(0x7000));
    std::vector<UnmappedPage> pages;
    mapper.reclaim(std::move(*detached).invalidate(invalidator),
                   [&](const UnmappedPage& unmapped) { pages.push_back(unmapped); });
    ASSERT_EQ(pages.size(), 2u);
    EXPECT_EQ(pages[1].frame, PhysAddr(0x5000));
    EXPECT_TRUE(map(0, kib4, 0));
}

// Two detached ranges at once could take each other's frames for their own.
TEST_F(MapperRange, OnlyOneRangeIsDetachedAtATime) {
    ASSERT_TRUE(map(0, kib4, 0x4000));
    ASSERT_TRUE(map(9 * kib4, kib4, 0xd000));
    auto first = mapper.unmap_range(range_at(0, 4 * kib4));
    ASSERT_TRUE(map(kib4, kib4, 0x6000)) << "a hole";
    const Error pending{.kind = ErrorKind::reclaim_pending, .virt = start + kib4};
    EXPECT_EQ(mapper.unmap_range(range_at(kib4, kib4)).error(), pending);
    EXPECT_EQ(mapper.merge(Page2m::containing(start)).error().kind, ErrorKind::reclaim_pending);
    std::vector<UnmappedPage> pages;
    mapper.reclaim(std::move(*first).invalidate(invalidator),
                   [&](const UnmappedPage& page) { pages.push_back(page); });
    ASSERT_EQ(pages.size(), 1u) << "what was mapped in the meantime stays";
    EXPECT_EQ(pages[0].frame, PhysAddr(0x4000));
    EXPECT_EQ(unmap(0, 4 * kib4).size(), 1u);
}

TEST_F(MapperRange, ATokenThatWasMovedFromReclaimsNothing) {
    ASSERT_TRUE(map(0, kib4, 0x4000));
    auto detached = mapper.unmap_range(range_at(0, kib4));
    DetachedRange moved = std::move(*detached);
    int given_back = 0;
    const auto count = [&](const UnmappedPage&) { ++given_back; };
    // NOLINTNEXTLINE(bugprone-use-after-move): what happens then is the test
    mapper.reclaim(std::move(*detached).invalidate(invalidator), count);
    EXPECT_EQ(given_back, 0);
    EXPECT_EQ(invalidator.calls, 0);
    mapper.reclaim(std::move(moved).invalidate(invalidator), count);
    EXPECT_EQ(given_back, 1);
    EXPECT_EQ(invalidator.calls, 1);
}

// A leaf that is nothing but its present bit.
TEST_F(MapperRange, FrameZeroComesBackToo) {
    ASSERT_TRUE(mapper.map(Page4k::containing(start), frame_at(0), Flags(read | execute)));
    ASSERT_EQ(slot(pool, start, Level::pt), bits::present);
    ASSERT_TRUE(map(kib4, kib4, 0x5000));
    auto detached = mapper.unmap_range(range_at(0, kib4));
    EXPECT_EQ(map(0, kib4, 0x9000).error().kind, ErrorKind::occupied);
    std::vector<UnmappedPage> pages;
    mapper.reclaim(std::move(*detached).invalidate(invalidator),
                   [&](const UnmappedPage& page) { pages.push_back(page); });
    ASSERT_EQ(pages.size(), 1u);
    EXPECT_EQ(pages[0].frame, PhysAddr(0));
    EXPECT_EQ(pages[0].page, start);
}

TEST_F(MapperRange, ReclaimSeesWhatProcessorsDidToTheLast) {
    ASSERT_TRUE(map(0, mib2, 0));
    const PhysAddr table(slot(pool, start, Level::pd) & bits::table_frame);
    auto detached = mapper.unmap_range(range_at(0, mib2));
    const auto last_write = [&](const Invalidation&) {
        // A processor that still has the table in a paging-structure cache writes to a page.
        pool.entries(*Frame4k::from(table))[7] |= bits::accessed | bits::dirty;
    };
    std::vector<std::uint64_t> dirty;
    mapper.reclaim(std::move(*detached).invalidate(last_write), [&](const UnmappedPage& page) {
        if (page.dirty()) {
            dirty.push_back(page.frame.raw());
        }
    });
    EXPECT_EQ(dirty, (std::vector<std::uint64_t>{7 * kib4}));
}

TEST_F(MapperRange, WhatSoftwareKeepsInAnEntryIsNotOverwritten) {
    ASSERT_TRUE(map(0, kib4, 0));
    constexpr std::uint64_t swapped_out = 0xabc0;
    slot(pool, start + kib4, Level::pt) = swapped_out;
    EXPECT_EQ(map(kib4, kib4, 0x5000).error().kind, ErrorKind::occupied);
    EXPECT_EQ(mapper.map(Page4k::containing(start + kib4), frame_at(0), flags).error().kind,
              ErrorKind::occupied);
    EXPECT_EQ(mapper.unmap_range(range_at(0, 2 * kib4)).error().kind, ErrorKind::occupied);
    EXPECT_EQ(slot(pool, start + kib4, Level::pt), swapped_out);
    EXPECT_EQ(unmap(0, kib4).size(), 1u);
    EXPECT_EQ(pool.used(), 3u) << "the table is not empty";
}

TEST_F(MapperRange, DroppingAnyStepStopsTheProgram) {
    ASSERT_TRUE(map(0, kib4, 0));
    EXPECT_DEATH({ auto dropped = mapper.unmap_range(range_at(0, kib4)); }, "before invalidation");
    EXPECT_DEATH(
        {
            auto detached = mapper.unmap_range(range_at(0, kib4));
            auto dropped = std::move(*detached).invalidate(invalidator);
        },
        "dropped before it was reclaimed");
    Pool other_pool;
    constexpr auto other_root = Pool::frame(1);
    Mapper other = other_pool.mapper({.root = other_root});
    EXPECT_DEATH(
        {
            auto detached = mapper.unmap_range(range_at(0, kib4));
            other.reclaim(std::move(*detached).invalidate(invalidator), [](const UnmappedPage&) {});
        },
        "another address space");
}

}  // namespace
}  // namespace nestbed::paging::test
