#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "shared/paging/mapper.hpp"
#include "shared/paging/walk.hpp"
#include "table_pool.hpp"
#include "tree_check.hpp"

namespace nestbed::paging::test {
namespace {

constexpr std::uint64_t kib4 = bytes_of(PageSize::size_4k);
constexpr std::uint64_t mib2 = bytes_of(PageSize::size_2m);
constexpr std::uint64_t gib1 = bytes_of(PageSize::size_1g);

using Pool = TablePool<32>;

class MapperRange : public testing::Test {
  public:
    static constexpr VirtAddr start{0x1234'4000'0000};
    static constexpr Flags flags{read | write | user};

    static PageRange range_at(std::uint64_t offset, std::uint64_t bytes) {
        return *PageRange::from(start + offset, bytes);
    }
    static Frame4k frame_at(std::uint64_t address) { return *Frame4k::from(PhysAddr(address)); }

    Result<void> map(std::uint64_t offset, std::uint64_t bytes, std::uint64_t frame,
                     PageSize greatest = PageSize::size_4k) {
        return mapper.map_range(range_at(offset, bytes), frame_at(frame), flags, greatest);
    }

    /// Unmaps a range and returns what came back.
    std::vector<UnmappedPage> unmap(std::uint64_t offset, std::uint64_t bytes) {
        auto detached = mapper.unmap_range(range_at(offset, bytes));
        EXPECT_TRUE(detached) << name_of(detached.error().kind);
        stale = detached->owed() ? std::optional(detached->stale()) : std::nullopt;
        std::vector<UnmappedPage> pages;
        mapper.reclaim(std::move(*detached).invalidate(invalidator),
                       [&](const UnmappedPage& page) { pages.push_back(page); });
        return pages;
    }

    /// The sizes of the leaves, in order, as a count for each run: {{4k, 511}, {2m, 3}}.
    std::vector<std::pair<PageSize, int>> leaf_sizes() {
        std::vector<std::pair<PageSize, int>> sizes;
        for (const MappedPage& page : mapped_pages(pool)) {
            if (sizes.empty() || sizes.back().first != page.size) {
                sizes.emplace_back(page.size, 0);
            }
            ++sizes.back().second;
        }
        return sizes;
    }

    void expect_linear(std::uint64_t offset, std::uint64_t bytes, std::uint64_t frame) {
        for (std::uint64_t at = 0; at < bytes; at += kib4) {
            const WalkResult hit =
                walk(pool.reader(), Pool::root(), (start + offset + at).raw(), Access{}, {});
            ASSERT_EQ(hit.outcome, WalkOutcome::translated) << at;
            ASSERT_EQ(hit.translation.address, PhysAddr(frame + at));
        }
    }

    std::unique_ptr<Pool> holder = std::make_unique<Pool>();
    Pool& pool = *holder;
    Mapper<Pool::Window, Pool> mapper = pool.mapper();
    RecordingInvalidator invalidator;
    /// What the last `unmap` had to invalidate, if anything.
    std::optional<PageRange> stale{};
};

using Sizes = std::vector<std::pair<PageSize, int>>;

TEST_F(MapperRange, MapsPageByPageUnlessAskedForMore) {
    ASSERT_TRUE(map(0, 2 * mib2, 0x4000'0000));
    EXPECT_EQ(leaf_sizes(), (Sizes{{PageSize::size_4k, 1024}}));
    EXPECT_EQ(pool.used(), 4u) << "a PDPT, a PD and two PTs";
    expect_linear(0, 2 * mib2, 0x4000'0000);
}

TEST_F(MapperRange, UsesTheGreatestPageThatFits) {
    // From 8 KiB below a GiB to 8 KiB beyond the 2 MiB after it.
    ASSERT_TRUE(map(gib1 - 2 * kib4, gib1 + mib2 + 4 * kib4, gib1 - 2 * kib4, PageSize::size_1g));
    EXPECT_EQ(leaf_sizes(), (Sizes{{PageSize::size_4k, 2},
                                   {PageSize::size_1g, 1},
                                   {PageSize::size_2m, 1},
                                   {PageSize::size_4k, 2}}));
    EXPECT_EQ(pool.used(), 5u);
}

TEST_F(MapperRange, UsesNoGreaterPageThanAsked) {
    ASSERT_TRUE(map(0, gib1, 0, PageSize::size_2m));
    EXPECT_EQ(leaf_sizes(), (Sizes{{PageSize::size_2m, 512}}));
}

TEST_F(MapperRange, UsesNoGreaterPageThanTheFramesAllow) {
    ASSERT_TRUE(map(0, 2 * mib2, mib2 + kib4, PageSize::size_1g));
    EXPECT_EQ(leaf_sizes(), (Sizes{{PageSize::size_4k, 1024}}));
    expect_linear(0, 2 * mib2, mib2 + kib4);
}

TEST_F(MapperRange, UsesNoGreaterPageThanTheProcessorHas) {
    Mapper small = pool.mapper({.root = Pool::root(), .format = {.pages_1g = false}});
    ASSERT_TRUE(small.map_range(range_at(0, gib1), frame_at(0), flags, PageSize::size_1g));
    EXPECT_EQ(leaf_sizes(), (Sizes{{PageSize::size_2m, 512}}));
}

// Trap: overwriting a table entry with a large leaf leaks the table below.
TEST_F(MapperRange, NeverReplacesATableByALargePage) {
    ASSERT_TRUE(map(0, kib4, 0));
    auto page = mapper.unmap(Page4k::containing(start));
    static_cast<void>((*std::move(page)).invalidate(invalidator));
    ASSERT_TRUE(map(0, 2 * mib2, 0, PageSize::size_2m));
    EXPECT_EQ(leaf_sizes(), (Sizes{{PageSize::size_4k, 512}, {PageSize::size_2m, 1}}));
    EXPECT_EQ(count_tables(pool).all, pool.used());
}

TEST_F(MapperRange, LargeLeavesKeepTheirPatBit) {
    const Flags with_pat = flags.with_pat();
    ASSERT_TRUE(mapper.map_range(range_at(0, mib2), frame_at(mib2), with_pat, PageSize::size_2m));
    EXPECT_EQ(slot(pool, start, Level::pd) & bits::pat_large, bits::pat_large);
    EXPECT_EQ(mapped_pages(pool).at(0).flags, with_pat);
    EXPECT_EQ(mapped_pages(pool).at(0).frame, PhysAddr(mib2));
}

TEST_F(MapperRange, ACollisionAnywhereChangesNothing) {
    ASSERT_TRUE(map(3 * mib2 + 5 * kib4, kib4, 0x9000));
    const auto before = snapshot(pool);
    const std::size_t used = pool.used();
    for (const PageSize greatest : {PageSize::size_4k, PageSize::size_2m, PageSize::size_1g}) {
        const auto result = map(0, 4 * mib2, 0x4000'0000, greatest);
        EXPECT_EQ(result.error(), (Error{.kind = ErrorKind::duplicated,
                                         .level = Level::pt,
                                         .virt = start + (3 * mib2 + 5 * kib4),
                                         .phys = PhysAddr(0x9000)}));
        EXPECT_EQ(snapshot(pool), before);
        EXPECT_EQ(pool.used(), used);
    }
}

TEST_F(MapperRange, ALargePageInTheWayChangesNothing) {
    ASSERT_TRUE(map(mib2, mib2, mib2, PageSize::size_2m));
    const auto before = snapshot(pool);
    EXPECT_EQ(map(0, 2 * mib2, 0x4000'0000).error(), (Error{.kind = ErrorKind::unexpected_leaf,
                                                            .level = Level::pd,
                                                            .virt = start + mib2,
                                                            .phys = PhysAddr(mib2)}));
    EXPECT_EQ(snapshot(pool), before);
}

TEST_F(MapperRange, OutOfFramesAtAnyPointChangesNothing) {
    const auto before = snapshot(pool);
    constexpr std::size_t needed = 7;  // a PDPT, two PDs, four PTs
    for (std::size_t frames = 0; frames < needed; ++frames) {
        pool.limit(frames);
        const auto result = map(gib1 - 2 * mib2, 4 * mib2, 0x4000'0000);
        EXPECT_EQ(result.error().kind, ErrorKind::out_of_frames);
        EXPECT_EQ(result.error().virt, start + (gib1 - 2 * mib2));
        EXPECT_EQ(snapshot(pool), before);
        EXPECT_EQ(pool.used(), 0u);
    }
    EXPECT_FALSE(pool.gave_back_dirty());
    pool.limit(needed);
    EXPECT_TRUE(map(gib1 - 2 * mib2, 4 * mib2, 0x4000'0000));
}

TEST_F(MapperRange, WhatIsOutOfReachChangesNothing) {
    const auto before = snapshot(pool);
    const auto kind_at = [&](std::uint64_t address, std::uint64_t pages) {
        const PageRange range{VirtAddr(address), pages};
        const ErrorKind kind = mapper.map_range(range, frame_at(0), flags).error().kind;
        EXPECT_EQ(mapper.unmap_range(range).error().kind, kind);
        EXPECT_EQ(mapper.protect_range(range, flags).error().kind, kind);
        return kind;
    };
    EXPECT_EQ(kind_at(0x1234, 1), ErrorKind::unaligned);
    EXPECT_EQ(kind_at(0x7fff'ffff'f000, 2), ErrorKind::not_canonical);
    EXPECT_EQ(kind_at(0xffff'8000'0000'0000, 1), ErrorKind::kernel_half);
    EXPECT_EQ(kind_at(0xffff'ffff'ffff'f000, 2), ErrorKind::out_of_range)
        << "past the last address";
    EXPECT_EQ(kind_at(0x1000, std::uint64_t{1} << 52), ErrorKind::out_of_range) << "2^64 bytes";
    Mapper kernel = pool.mapper({.root = Pool::root(), .scope = MapperScope::whole});
    const PageRange across{VirtAddr(0x1000), (0xffff'8000'0000'0000 >> 12)};
    EXPECT_EQ(kernel.map_range(across, frame_at(0), flags).error().kind, ErrorKind::not_canonical);
    EXPECT_EQ(snapshot(pool), before);
}

TEST_F(MapperRange, TheFirstAddressOutOfReachIsReported) {
    constexpr auto whole = MapperScope::whole;
    constexpr auto user_half = MapperScope::user_half;
    for (const LinearWidth width : {LinearWidth::bits_48, LinearWidth::bits_57}) {
        const PageRange lower = lower_half(width);
        const PageRange upper = upper_half(width);
        const VirtAddr hole = lower.last() + 1;
        const VirtAddr last_page(~std::uint64_t{0} - offset_mask_of(PageSize::size_4k));
        const Level root = root_level_of(width);
        const auto expect = [&](MapperScope scope, const PageRange& range, const Error& error) {
            Mapper other = pool.mapper({.root = Pool::root(), .width = width, .scope = scope});
            EXPECT_EQ(other.map_range(range, frame_at(0), flags).error(), error);
            EXPECT_EQ(other.unmap_range(range).error(), error);
            EXPECT_EQ(other.protect_range(range, flags).error(), error);
        };
        for (const MapperScope scope : {whole, user_half}) {
            const Error at_hole{.kind = ErrorKind::not_canonical, .virt = hole};
            // From the last page, far from it, by large pages; to the hole and across all of it.
            expect(scope, {VirtAddr(hole.raw() - kib4), 2}, at_hole);
            expect(scope, {VirtAddr(0x1000), lower.pages}, at_hole);
            expect(scope, {VirtAddr(hole.raw() - mib2), 2, PageSize::size_2m}, at_hole);
            expect(scope, {VirtAddr(0x1000), (upper.start.raw() >> 12)}, at_hole);
            // It starts outside.
            const VirtAddr amid = hole + gib1;
            expect(scope, {amid, 1}, {.kind = ErrorKind::not_canonical, .virt = amid});
            expect(scope, {hole, (upper.start.raw() - hole.raw()) / kib4 + 1}, at_hole);
            // It wraps, or does not start at a page.
            const Error wraps{.kind = ErrorKind::out_of_range, .virt = last_page};
            expect(scope, {last_page, 2}, wraps);
            expect(scope, {VirtAddr(0x1000), std::uint64_t{1} << 52},
                   {.kind = ErrorKind::out_of_range, .virt = VirtAddr(0x1000)});
            const VirtAddr odd(0x1234);
            expect(scope, {odd, 1}, {.kind = ErrorKind::unaligned, .virt = odd});
        }
        for (const VirtAddr kernels : {upper.start, last_page}) {
            expect(user_half, {kernels, 1},
                   {.kind = ErrorKind::kernel_half, .level = root, .virt = kernels});
        }
        Mapper kernel = pool.mapper({.root = Pool::root(), .width = width, .scope = whole});
        EXPECT_TRUE(kernel.unmap_range(lower));
        EXPECT_TRUE(kernel.unmap_range(upper)) << "up to the last address";
    }
}

TEST_F(MapperRange, TheFirstFrameAboveMaxphyaddrIsReported) {
    for (const unsigned width : {36U, 52U}) {
        Mapper limited = pool.mapper(
            {.root = Pool::root(), .format = {.maxphyaddr = static_cast<std::uint8_t>(width)}});
        const std::uint64_t end = std::uint64_t{1} << width;
        for (const std::uint64_t fitting : {1u, 3u}) {
            const auto mapped =
                limited.map_range(range_at(0, 8 * kib4), frame_at(end - fitting * kib4), flags);
            EXPECT_EQ(mapped.error().kind, ErrorKind::out_of_range);
            EXPECT_EQ(mapped.error().virt, start + fitting * kib4);
        }
        EXPECT_EQ(pool.used(), 0u);
        EXPECT_TRUE(limited.map_range(range_at(0, kib4), frame_at(end - kib4), flags))
            << "the last";
        unmap(0, kib4);
    }
}

TEST_F(MapperRange, FramesAboveMaxphyaddrChangeNothing) {
    Mapper limited = pool.mapper({.root = Pool::root(), .format = {.maxphyaddr = 36}});
    const auto kind_from = [&](std::uint64_t frame) {
        return limited.map_range(range_at(0, 2 * kib4), frame_at(frame), flags).error().kind;
    };
    EXPECT_EQ(kind_from(std::uint64_t{1} << 36), ErrorKind::out_of_range);
    EXPECT_EQ(kind_from((std::uint64_t{1} << 36) - kib4), ErrorKind::out_of_range) << "the second";
    EXPECT_EQ(
        mapper.map_range(range_at(0, 2 * kib4), frame_at((std::uint64_t{1} << 52) - kib4), flags)
            .error()
            .kind,
        ErrorKind::out_of_range);
    EXPECT_EQ(mapper.map_range(range_at(0, kib4), frame_at(0), Flags(write)).error().kind,
              ErrorKind::invalid_permission);
    EXPECT_EQ(pool.used(), 0u);
}

TEST_F(MapperRange, AnEmptyRangeIsNothing) {
    EXPECT_TRUE(map(0, 0, 0));
    EXPECT_TRUE(unmap(0, 0).empty());
    auto rights = mapper.protect_range(range_at(0, 0), flags);
    EXPECT_FALSE(rights->owed());
    EXPECT_EQ(invalidator.calls, 0);
}

TEST_F(MapperRange, MapsTheLastPageOfEachHalfAndFiveLevels) {
    Mapper kernel = pool.mapper({.root = Pool::root(), .scope = MapperScope::whole});
    const PageRange last{VirtAddr(0xffff'ffff'ffff'e000), 2};
    ASSERT_TRUE(kernel.map_range(last, frame_at(0x5000), flags));
    EXPECT_EQ(kernel.lookup(VirtAddr(0xffff'ffff'ffff'ffff))->address, PhysAddr(0x6fff));
    Pool other;
    Mapper wide = other.mapper({.root = Pool::root(), .width = LinearWidth::bits_57});
    const PageRange end{VirtAddr(0x00ff'ffff'ffff'e000), 2};
    ASSERT_TRUE(wide.map_range(end, frame_at(0x5000), flags));
    EXPECT_EQ(wide.lookup(VirtAddr(0x00ff'ffff'ffff'ffff))->address, PhysAddr(0x6fff));
}

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

TEST_F(MapperRange, ProtectChangesExactlyTheRange) {
    ASSERT_TRUE(map(0, 3 * mib2, 0, PageSize::size_2m));
    slot(pool, start + mib2, Level::pd) |= bits::accessed | bits::dirty;
    auto rights = mapper.protect_range(range_at(kib4, 2 * mib2), Flags(read).with_pat());
    ASSERT_TRUE(rights);
    EXPECT_TRUE(rights->owed());
    EXPECT_EQ(rights->range(), range_at(kib4, 2 * mib2));
    std::move(*rights).invalidate(invalidator);
    EXPECT_EQ(leaf_sizes(),
              (Sizes{{PageSize::size_4k, 512}, {PageSize::size_2m, 1}, {PageSize::size_4k, 512}}));
    expect_linear(0, 3 * mib2, 0);
    for (const MappedPage& page : mapped_pages(pool)) {
        const bool inside = page.page >= start + kib4 && page.page < start + (2 * mib2 + kib4);
        EXPECT_EQ(page.flags, inside ? Flags(read).with_pat() : flags);
    }
    EXPECT_EQ(slot(pool, start + mib2, Level::pd) & processor_bits, processor_bits);
}

TEST_F(MapperRange, ProtectOwesOnlyWhatItTakesAway) {
    ASSERT_TRUE(mapper.map_range(range_at(0, 4 * kib4), frame_at(0), Flags(read)));
    auto more = mapper.protect_range(range_at(0, 4 * kib4), Flags(read | write));
    EXPECT_FALSE(more->owed());
    auto last = mapper.protect(Page4k::containing(start + 3 * kib4), Flags(read));
    std::move(*last).invalidate(invalidator);
    auto mixed = mapper.protect_range(range_at(0, 4 * kib4), Flags(read | execute));
    EXPECT_TRUE(mixed->owed()) << "three of the four could be written";
    std::move(*mixed).invalidate(invalidator);
}

TEST_F(MapperRange, ProtectOwesTheInvalidationOfWhatItSplits) {
    ASSERT_TRUE(
        mapper.map_range(range_at(0, mib2), frame_at(mib2), Flags(read), PageSize::size_2m));
    auto more = mapper.protect_range(range_at(kib4, kib4), Flags(read | write));
    EXPECT_TRUE(more->owed()) << "though the rights only grow";
    std::move(*more).invalidate(invalidator);
}

TEST_F(MapperRange, AHoleKeepsProtectFromChangingAnything) {
    ASSERT_TRUE(map(0, mib2, 0));
    ASSERT_TRUE(map(mib2 + kib4, kib4, 0));
    const auto before = snapshot(pool);
    EXPECT_EQ(mapper.protect_range(range_at(0, mib2 + 2 * kib4), Flags(read)).error(),
              (Error{.kind = ErrorKind::not_exist, .level = Level::pt, .virt = start + mib2}));
    EXPECT_EQ(snapshot(pool), before);
}

TEST_F(MapperRange, ATableThatGrantsLessIsAnError) {
    ASSERT_TRUE(map(0, mib2 + kib4, 0));
    slot(pool, start + mib2, Level::pd) &= ~bits::writable;
    const auto before = snapshot(pool);
    const Error denied{.kind = ErrorKind::invalid_permission,
                       .level = Level::pd,
                       .virt = start + mib2,
                       .phys = PhysAddr(slot(pool, start + mib2, Level::pd) & bits::table_frame)};
    EXPECT_EQ(mapper.protect_range(range_at(0, mib2 + kib4), flags).error(), denied);
    Error denied_beside = denied;
    denied_beside.virt = start + (mib2 + kib4);
    EXPECT_EQ(map(mib2 + kib4, kib4, 0).error(), denied_beside);
    EXPECT_EQ(snapshot(pool), before);
}

TEST_F(MapperRange, ABrokenTableAnywhereChangesNothing) {
    ASSERT_TRUE(map(0, 2 * mib2, 0));
    slot(pool, start + mib2, Level::pd) = Pde::table(Frame4k::at<0x7777'7000>()).raw();
    const auto before = snapshot(pool);
    const Error expected{.kind = ErrorKind::not_addressable,
                         .level = Level::pt,
                         .virt = start + mib2,
                         .phys = PhysAddr(0x7777'7000)};
    EXPECT_EQ(mapper.unmap_range(range_at(0, 2 * mib2)).error(), expected);
    EXPECT_EQ(mapper.protect_range(range_at(0, 2 * mib2), flags).error(), expected);
    EXPECT_EQ(map(mib2, kib4, 0).error(), expected);
    EXPECT_EQ(snapshot(pool), before);
}

}  // namespace
}  // namespace nestbed::paging::test
