#include "shared/paging/address.hpp"

#include <gtest/gtest.h>

#include <type_traits>

#include "shared/paging/frame.hpp"
#include "shared/paging/level.hpp"
#include "shared/paging/page.hpp"
#include "shared/paging/table_index.hpp"
#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

TEST(Canonical, FortyEightBitsRepeatBit47) {
    EXPECT_TRUE(is_canonical(0, LinearWidth::bits_48));
    EXPECT_TRUE(is_canonical(0x0000'7fff'ffff'ffff, LinearWidth::bits_48));
    EXPECT_FALSE(is_canonical(0x0000'8000'0000'0000, LinearWidth::bits_48));
    EXPECT_FALSE(is_canonical(0xffff'7fff'ffff'ffff, LinearWidth::bits_48));
    EXPECT_TRUE(is_canonical(0xffff'8000'0000'0000, LinearWidth::bits_48));
    EXPECT_TRUE(is_canonical(~std::uint64_t{0}, LinearWidth::bits_48));
    EXPECT_FALSE(is_canonical(0x8000'0000'0000'0000, LinearWidth::bits_48));
}

TEST(Canonical, FiftySevenBitsRepeatBit56) {
    EXPECT_TRUE(is_canonical(0x0000'8000'0000'0000, LinearWidth::bits_57));
    EXPECT_TRUE(is_canonical(0x00ff'ffff'ffff'ffff, LinearWidth::bits_57));
    EXPECT_FALSE(is_canonical(0x0100'0000'0000'0000, LinearWidth::bits_57));
    EXPECT_FALSE(is_canonical(0xfeff'ffff'ffff'ffff, LinearWidth::bits_57));
    EXPECT_TRUE(is_canonical(0xff00'0000'0000'0000, LinearWidth::bits_57));
}

TEST(VirtAddr, FactoryRefusesWhatIsNotCanonical) {
    EXPECT_EQ(VirtAddr::canonical(0x1000, LinearWidth::bits_48), VirtAddr(0x1000));
    EXPECT_EQ(VirtAddr::canonical(1ull << 47, LinearWidth::bits_48), std::nullopt);
    EXPECT_EQ(VirtAddr::canonical(1ull << 47, LinearWidth::bits_57), VirtAddr(1ull << 47));
}

TEST(PhysAddr, FactoryRefusesWhatDoesNotFit) {
    EXPECT_EQ(PhysAddr::within(0xffff'ffff'ffff, 48), PhysAddr(0xffff'ffff'ffff));
    EXPECT_EQ(PhysAddr::within(0x1'0000'0000'0000, 48), std::nullopt);
    EXPECT_EQ(PhysAddr::within(~std::uint64_t{0}, 64), PhysAddr(~std::uint64_t{0}));
}

TEST(Address, KindsDoNotMix) {
    static_assert(!std::is_convertible_v<std::uint64_t, PhysAddr>);
    static_assert(!std::is_convertible_v<std::uint64_t, VirtAddr>);
    static_assert(!std::is_constructible_v<PhysAddr, VirtAddr>);
    static_assert(!std::is_constructible_v<VirtAddr, PhysAddr>);
    static_assert(!std::is_convertible_v<Frame4k, Frame2m>);
    static_assert(!std::is_constructible_v<Frame2m, Frame4k>);
    static_assert(!std::is_constructible_v<Page4k, Page2m>);
    static_assert(!std::is_constructible_v<TableIndex<Level::pdpt>, TableIndex<Level::pml4>>);
}

TEST(Level, EachIndexIsNineBitsOfTheAddress) {
    const VirtAddr address(0b0'000000001'000000010'000000100'000001000'000010000'000000000011);
    EXPECT_EQ(index_of(Level::pml5, address), 1u);
    EXPECT_EQ(index_of(Level::pml4, address), 2u);
    EXPECT_EQ(index_of(Level::pdpt, address), 4u);
    EXPECT_EQ(index_of(Level::pd, address), 8u);
    EXPECT_EQ(index_of(Level::pt, address), 16u);
}

template <typename T>
class TableIndexOf : public testing::Test {};
TYPED_TEST_SUITE(TableIndexOf, AllLevels, LevelName);

TYPED_TEST(TableIndexOf, IsCheckedAndFollowsTheAddress) {
    constexpr Level level = TypeParam::value;
    using Index = TableIndex<level>;
    EXPECT_EQ(Index::from(511)->value(), 511u);
    const auto error = Index::from(512).error();
    EXPECT_EQ(error.kind, ErrorKind::out_of_range);
    EXPECT_EQ(error.level, level);
    const VirtAddr address(std::uint64_t{0x155} << index_shift_of(level));
    EXPECT_EQ(Index::of(address), (Index::template at<0x155>()));
}

template <typename T>
class FrameAndPage : public testing::Test {};
TYPED_TEST_SUITE(FrameAndPage, AllSizes, SizeName);

TYPED_TEST(FrameAndPage, UnalignedIsAnErrorThatNamesTheAddress) {
    constexpr PageSize size = TypeParam::value;
    const std::uint64_t bytes = bytes_of(size);
    for (const std::uint64_t off : {std::uint64_t{1}, bytes / 2, bytes - 1}) {
        const auto frame = Frame<size>::from(PhysAddr(5 * bytes + off));
        ASSERT_FALSE(frame);
        EXPECT_EQ(frame.error().kind, ErrorKind::unaligned);
        EXPECT_EQ(frame.error().phys, PhysAddr(5 * bytes + off));
        const auto page = Page<size>::from(VirtAddr(5 * bytes + off));
        ASSERT_FALSE(page);
        EXPECT_EQ(page.error().kind, ErrorKind::unaligned);
        EXPECT_EQ(page.error().virt, VirtAddr(5 * bytes + off));
        EXPECT_EQ(Frame<size>::containing(PhysAddr(5 * bytes + off))->number(), 5u);
        EXPECT_EQ(Page<size>::containing(VirtAddr(5 * bytes + off)).address(), VirtAddr(5 * bytes));
    }
    EXPECT_EQ(Frame<size>::from(PhysAddr(5 * bytes))->address(), PhysAddr(5 * bytes));
    EXPECT_EQ(Page<size>::from(VirtAddr(5 * bytes))->address(), VirtAddr(5 * bytes));
}

TYPED_TEST(FrameAndPage, FrameAbove52BitsIsAnError) {
    constexpr PageSize size = TypeParam::value;
    EXPECT_TRUE(Frame<size>::from(PhysAddr((1ull << 52) - bytes_of(size))));
    EXPECT_EQ(Frame<size>::from(PhysAddr(1ull << 52)).error().kind, ErrorKind::out_of_range);
    EXPECT_EQ(Frame<size>::containing(PhysAddr(~0ull)).error().kind, ErrorKind::out_of_range);
}

TEST(Frame, RootOfCr3LeavesThePcidAndLamBitsOut) {
    EXPECT_EQ(root_of_cr3(0xe000'0000'1234'5fff), Frame4k::at<0x1234'5000>());
}

TEST(ResultDeathTest, TakingTheWrongSideStopsTheProgram) {
    const auto good = Frame4k::from(PhysAddr(0x1000));
    const auto bad = Frame4k::from(PhysAddr(0x1001));
    EXPECT_DEATH(static_cast<void>(*bad), "wrong side of a Result");
    EXPECT_DEATH(static_cast<void>(good.error()), "wrong side of a Result");
    EXPECT_DEATH(static_cast<void>(Result<void>().error()), "error of a Result that succeeded");
}

}  // namespace
}  // namespace nestbed::paging::test
