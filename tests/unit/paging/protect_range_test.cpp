// Changing the flags of a range.

#include "mapper_range.hpp"

namespace nestbed::paging::test {
namespace {

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
