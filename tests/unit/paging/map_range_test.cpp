// Mapping a range: with which page sizes, and what keeps it from being done.

#include "mapper_range.hpp"

namespace nestbed::paging::test {
namespace {

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

}  // namespace
}  // namespace nestbed::paging::test
