#include "shared/paging/range_set.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <random>
#include <set>
#include <utility>
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

TEST(RangeSet, KeepsSizesApart) {
    RangeSet set;
    set.add(pages_at(512, 1, PageSize::size_2m));
    set.add(pages_at(1024, 1));
    set.add(pages_at(1536, 1, PageSize::size_2m));
    EXPECT_EQ(ranges_of(set), (std::vector{pages_at(512, 1, PageSize::size_2m), pages_at(1024, 1),
                                           pages_at(1536, 1, PageSize::size_2m)}));
    EXPECT_EQ(set.pages(), 3u);
}

TEST(RangeSet, WhereSizesOverlapEachSmallPageIsInvalidated) {
    const PageRange large = pages_at(512, 3, PageSize::size_2m);
    const PageRange small = pages_at(1023, 2);
    for (const auto& [first, second] : {std::pair{large, small}, std::pair{small, large}}) {
        RangeSet set(10'000);
        set.add(first);
        set.add(second);
        EXPECT_EQ(ranges_of(set), (std::vector{pages_at(512, std::uint64_t{3} * 512)}));
        RangeSet few;
        few.add(first);
        few.add(second);
        EXPECT_TRUE(few.everything());
    }
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

/// What a set owes, by brute force: the pages that were added. Each is served by an INVLPG of its
/// size, or by one for each smaller page in it, which is what it takes where sizes overlap.
class Owed {
  public:
    void add(const PageRange& range) {
        range.for_each([&](VirtAddr page) { pages_[range.size].insert(page.raw()); });
    }

    /// How many INVLPGs that takes if no sizes overlap.
    std::size_t kept_apart() const {
        std::size_t pages = 0;
        for (const auto& [size, of_size] : pages_) {
            pages += of_size.size();
        }
        return pages;
    }

    bool sizes_overlap() const {
        for (const auto& [large, of_large] : pages_) {
            for (const std::uint64_t page : of_large) {
                for (const auto& [small, of_small] : pages_) {
                    const auto found = of_small.lower_bound(page);
                    if (small < large && found != of_small.end() &&
                        *found - page < bytes_of(large)) {
                        return true;
                    }
                }
            }
        }
        return false;
    }

    /// Nothing is left out, and nothing is invalidated that was not asked for.
    void expect_served_by(const RangeSet& set) const {
        for (const PageRange& range : set) {
            range.for_each([&](VirtAddr page) {
                EXPECT_TRUE(is_asked_for(page.raw(), range.size)) << "not asked: " << page.raw();
            });
        }
        for (const auto& [size, of_size] : pages_) {
            for (const std::uint64_t page : of_size) {
                const VirtAddr last(page + bytes_of(size) - 1);
                EXPECT_TRUE(std::any_of(set.begin(), set.end(),
                                        [&, wanted = size](const PageRange& range) {
                                            return range.size <= wanted &&
                                                   range.start.raw() <= page &&
                                                   range.last() >= last;
                                        }))
                    << "left out: " << page;
            }
        }
    }

  private:
    bool is_asked_for(std::uint64_t page, PageSize size) const {
        return std::any_of(pages_.begin(), pages_.end(), [&](const auto& asked) {
            return asked.first >= size &&
                   asked.second.contains(page & ~(bytes_of(asked.first) - 1));
        });
    }

    std::map<PageSize, std::set<std::uint64_t>> pages_;
};

/// Every range at and around the borders of three large pages, in pages of the size and of its
/// next larger one.
std::vector<PageRange> ranges_around_borders(PageSize small, PageSize large) {
    std::vector<PageRange> ranges;
    for (const std::uint64_t start : {0u, 1u, 511u, 512u, 513u, 1023u, 1024u, 1535u}) {
        for (const std::uint64_t count : {1u, 2u, 512u, 513u}) {
            ranges.push_back({VirtAddr(start * bytes_of(small)), count, small});
        }
    }
    for (std::uint64_t start = 0; start < 3; ++start) {
        for (std::uint64_t count = 1; count <= 3 - start; ++count) {
            ranges.push_back({VirtAddr(start * bytes_of(large)), count, large});
        }
    }
    return ranges;
}

void expect_served(std::initializer_list<PageRange> added, std::uint64_t max_pages) {
    RangeSet set(max_pages);
    Owed owed;
    for (const PageRange& range : added) {
        set.add(range);
        owed.add(range);
    }
    if (set.everything()) {
        EXPECT_TRUE(owed.sizes_overlap() || owed.kept_apart() > max_pages);
        return;
    }
    owed.expect_served_by(set);
    if (!owed.sizes_overlap()) {
        EXPECT_EQ(set.pages(), owed.kept_apart());
    }
}

TEST(RangeSet, TwoRangesAreServed) {
    for (const auto& [small, large] : {std::pair{PageSize::size_4k, PageSize::size_2m},
                                       std::pair{PageSize::size_2m, PageSize::size_1g}}) {
        const std::vector<PageRange> ranges = ranges_around_borders(small, large);
        for (const PageRange& first : ranges) {
            for (const PageRange& second : ranges) {
                expect_served({first, second}, 10'000);
            }
        }
    }
}

TEST(RangeSet, ThreeRangesAreServed) {
    const std::vector<PageRange> ranges =
        ranges_around_borders(PageSize::size_4k, PageSize::size_2m);
    std::mt19937_64 random(3);
    const auto any = [&] { return ranges[random() % ranges.size()]; };
    for (int round = 0; round < 1000; ++round) {
        expect_served({any(), any(), any()}, 10'000);
        expect_served({any(), any(), any()}, max_single_invalidations);
    }
}

TEST(RangeSet, ThreeSizesOverlap) {
    const PageRange giant{VirtAddr(0), 2, PageSize::size_1g};
    const PageRange large{VirtAddr(bytes_of(PageSize::size_1g)), 2, PageSize::size_2m};
    const PageRange small{VirtAddr(bytes_of(PageSize::size_1g) + 0x1000), 1, PageSize::size_4k};
    std::array<PageRange, 3> order{giant, large, small};
    const auto by_size = [](const PageRange& a, const PageRange& b) { return a.size < b.size; };
    std::sort(order.begin(), order.end(), by_size);
    do {
        RangeSet set(1 << 20);
        for (const PageRange& range : order) {
            set.add(range);
        }
        EXPECT_EQ(ranges_of(set), (std::vector{pages_at(0, 1 << 19)}));
    } while (std::next_permutation(order.begin(), order.end(), by_size));
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
