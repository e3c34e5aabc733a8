#include "shared/paging/range_set.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace nestbed::paging::test {
namespace {

PageRange pages_at(std::uint64_t first, std::uint64_t count, PageSize size = PageSize::size_4k) {
    return {VirtAddr(first * 4096), count, size};
}

std::vector<PageRange> ranges_of(const RangeSet& set) { return {set.begin(), set.end()}; }

TEST(PageRange, IsMadeOfWholePagesThatExist) {
    const VirtAddr last_page(0xffff'ffff'ffff'f000);
    EXPECT_EQ(PageRange::from(last_page, 4096)->last(), VirtAddr(~std::uint64_t{0}));
    EXPECT_EQ(PageRange::from(last_page, 8192).error().kind, ErrorKind::out_of_range);
    EXPECT_EQ(PageRange::from(VirtAddr(0x1001), 4096).error().kind, ErrorKind::unaligned);
    EXPECT_EQ(PageRange::from(VirtAddr(0x1000), 4097).error().kind, ErrorKind::unaligned);
    EXPECT_EQ(PageRange::from(VirtAddr(0x1000), 0x20'0000, PageSize::size_2m).error().kind,
              ErrorKind::unaligned);
    EXPECT_TRUE(PageRange::from(VirtAddr(0), 0)->empty());
    EXPECT_FALSE((PageRange{VirtAddr(0), std::uint64_t{1} << 52}).is_addressable());
}

TEST(PageRange, HalvesAreAllThatIsCanonical) {
    for (const LinearWidth width : {LinearWidth::bits_48, LinearWidth::bits_57}) {
        const PageRange lower = lower_half(width);
        const PageRange upper = upper_half(width);
        EXPECT_EQ(lower.start, VirtAddr(0));
        EXPECT_TRUE(lower.last().is_canonical(width));
        EXPECT_FALSE((lower.last() + 1).is_canonical(width));
        EXPECT_EQ(upper.last(), VirtAddr(~std::uint64_t{0}));
        EXPECT_TRUE(upper.start.is_canonical(width));
        EXPECT_FALSE(VirtAddr(upper.start.raw() - 1).is_canonical(width));
    }
}

TEST(Invalidation, IsOfEverythingPastTheThreshold) {
    const AddressSpaceId space{Frame4k::at<0x5000>()};
    const PageRange few = pages_at(7, max_single_invalidations);
    const Invalidation one_by_one = Invalidation::of(space, few);
    EXPECT_FALSE(one_by_one.everything());
    std::uint64_t pages = 0;
    one_by_one.for_each_page([&](VirtAddr page) { EXPECT_EQ(page.raw() / 4096, 7 + pages++); });
    EXPECT_EQ(pages, max_single_invalidations);
    const PageRange many = pages_at(7, max_single_invalidations + 1);
    const Invalidation whole = Invalidation::of(space, many, /*frees_tables=*/true);
    EXPECT_TRUE(whole.everything());
    EXPECT_TRUE(whole.frees_tables());
    EXPECT_EQ(whole.begin(), whole.end());
    EXPECT_EQ(whole.space(), space);
}

TEST(RangeSet, KeepsRangesApartThatDoNotTouch) {
    RangeSet set;
    EXPECT_TRUE(set.empty());
    set.add(pages_at(10, 2));
    set.add(pages_at(20, 1));
    set.add(pages_at(30, 0));
    EXPECT_EQ(ranges_of(set), (std::vector{pages_at(10, 2), pages_at(20, 1)}));
    EXPECT_EQ(set.pages(), 3u);
}

TEST(RangeSet, JoinsRangesThatTouchOrOverlap) {
    RangeSet set;
    set.add(pages_at(10, 2));
    set.add(pages_at(12, 2));
    set.add(pages_at(9, 1));
    set.add(pages_at(11, 1));
    EXPECT_EQ(ranges_of(set), (std::vector{pages_at(9, 5)}));
    set.add(pages_at(16, 2));
    set.add(pages_at(14, 2));
    EXPECT_EQ(ranges_of(set), (std::vector{pages_at(9, 9)})) << "one that closes a gap";
    set.add(pages_at(5, 20));
    EXPECT_EQ(ranges_of(set), (std::vector{pages_at(5, 20)})) << "one that holds another";
}

TEST(RangeSet, JoinsAtTheSmallerSize) {
    RangeSet set(2000);
    set.add(pages_at(512, 1, PageSize::size_2m));
    EXPECT_EQ(set.pages(), 1u);
    set.add(pages_at(1024, 1));
    EXPECT_EQ(ranges_of(set), (std::vector{pages_at(512, 513)}));
    set.add(pages_at(1536, 1, PageSize::size_2m));
    set.add(pages_at(1025, 511));
    EXPECT_EQ(ranges_of(set), (std::vector{pages_at(512, 1536)})) << "whichever came first";
    RangeSet other(2000);
    other.add(pages_at(1021, 3));
    other.add(pages_at(1024, 1, PageSize::size_2m));
    EXPECT_EQ(ranges_of(other), (std::vector{pages_at(1021, 515)}));
}

TEST(RangeSet, BecomesEverythingPastTheThreshold) {
    RangeSet set;
    set.add(pages_at(0, 32));
    set.add(pages_at(100, 1));
    EXPECT_FALSE(set.everything()) << "33 is what Linux still invalidates one by one";
    set.add(pages_at(200, 1));
    EXPECT_TRUE(set.everything());
    EXPECT_EQ(set.size(), 0u);
    EXPECT_FALSE(set.empty());
    set.add(pages_at(300, 1));
    EXPECT_EQ(set.size(), 0u);
    set.clear();
    EXPECT_TRUE(set.empty());

    RangeSet joined;
    joined.add(pages_at(0, 20));
    joined.add(pages_at(20, 14));
    EXPECT_TRUE(joined.everything()) << "joining must not hide the size";
}

TEST(RangeSet, BecomesEverythingWithoutRoom) {
    RangeSet set;
    for (std::uint64_t i = 0; i < RangeSet::max_ranges; ++i) {
        set.add(pages_at(10 * i, 1));
    }
    EXPECT_FALSE(set.everything());
    set.add(pages_at(1, 1));
    EXPECT_FALSE(set.everything()) << "it joins one that is there";
    set.add(pages_at(10 * RangeSet::max_ranges, 1));
    EXPECT_TRUE(set.everything());
}

TEST(RangeSet, ReachesTheLastAddress) {
    RangeSet set;
    const std::uint64_t last = 0x000f'ffff'ffff'ffff;
    set.add(pages_at(last, 1));
    set.add(pages_at(0, 1));
    EXPECT_EQ(set.size(), 2u) << "the address space has two ends";
    set.add(pages_at(last - 1, 1));
    EXPECT_EQ(set.size(), 2u);
    set.add(pages_at(0, 2));
    EXPECT_EQ(ranges_of(set), (std::vector{pages_at(last - 1, 2), pages_at(0, 2)}));
}

TEST(RangeSet, HoldsEveryPageThatWasAdded) {
    std::mt19937_64 random(5);
    for (int round = 0; round < 2000; ++round) {
        RangeSet set(40);
        std::set<std::uint64_t> added;
        for (int i = 0; i < 8; ++i) {
            const std::uint64_t first = random() % 60;
            const std::uint64_t count = random() % 6;
            set.add(pages_at(first, count));
            for (std::uint64_t page = first; page < first + count; ++page) {
                added.insert(page);
            }
        }
        std::set<std::uint64_t> held;
        for (const PageRange& range : set) {
            range.for_each([&](VirtAddr page) {
                EXPECT_TRUE(held.insert(page.raw() / 4096).second) << "in two ranges";
            });
        }
        if (set.everything()) {
            EXPECT_GT(added.size(), 40u);
        } else {
            EXPECT_EQ(held, added);
        }
    }
}

}  // namespace
}  // namespace nestbed::paging::test
