#include "shared/paging/mappings.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "shared/paging/dump.hpp"
#include "shared/paging/mapper.hpp"
#include "table_pool.hpp"
#include "tree_check.hpp"

namespace nestbed::paging::test {
namespace {

using Pool = TablePool<32>;
constexpr std::uint64_t mib2 = bytes_of(PageSize::size_2m);

class Mappings : public testing::Test {
  public:
    std::vector<std::uint64_t> pages_in(const PageRange& range) {
        std::vector<std::uint64_t> found;
        EXPECT_TRUE(
            for_each_mapping(pool.window(), Pool::root(), LinearWidth::bits_48, range,
                             [&](const MappedPage& page) { found.push_back(page.page.raw()); }));
        return found;
    }
    Error error_in(const PageRange& range) {
        return for_each_mapping(pool.window(), Pool::root(), LinearWidth::bits_48, range,
                                [](const MappedPage&) {})
            .error();
    }
    std::vector<std::string> dumped() {
        std::vector<std::string> lines;
        dump(pool.window(), Pool::root(), LinearWidth::bits_48,
             [&](const char* line) { lines.emplace_back(line); });
        return lines;
    }

    Pool pool;
    Mapper<Pool::Window, Pool> mapper =
        pool.mapper({.root = Pool::root(), .scope = MapperScope::whole});
};

TEST_F(Mappings, AreFoundInOrderWithWhatAllLevelsGrant) {
    constexpr Flags flags(read | write | user);
    ASSERT_TRUE(mapper.map(Page1g::at<0x40'0000'0000>(), Frame1g::at<0x4000'0000>(), flags));
    ASSERT_TRUE(mapper.map(Page2m::at<0x20'0000>(), Frame2m::at<0x80'0000>(), flags.with_pat()));
    ASSERT_TRUE(mapper.map(Page4k::at<0x3000>(), Frame4k::at<0x9000>(), flags));
    slot(pool, VirtAddr(0x3000), Level::pdpt) &= ~bits::writable;
    const auto pages = mapped_pages(pool);
    ASSERT_EQ(pages.size(), 3u);
    EXPECT_EQ(pages[0].page, VirtAddr(0x3000));
    EXPECT_EQ(pages[0].frame, PhysAddr(0x9000));
    EXPECT_EQ(pages[0].granted, read | user);
    EXPECT_EQ(pages[0].flags, flags);
    EXPECT_EQ(pages[1].page, VirtAddr(0x20'0000));
    EXPECT_EQ(pages[1].frame, PhysAddr(0x80'0000)) << "the PAT bit is not of the address";
    EXPECT_EQ(pages[1].flags, flags.with_pat());
    EXPECT_EQ(pages[2].size, PageSize::size_1g);
    EXPECT_EQ(pages[2].granted, read | write | user);
    EXPECT_EQ(pages[2].raw, slot(pool, VirtAddr(0x40'0000'0000), Level::pdpt));
}

TEST_F(Mappings, OfARangeAreThoseThatItTouches) {
    const PageRange four{VirtAddr(0x1f'f000), 2};
    ASSERT_TRUE(mapper.map_range(four, Frame4k::at<0>(), Flags(read)));
    ASSERT_TRUE(mapper.map(Page2m::at<0x40'0000>(), Frame2m::at<0>(), Flags(read)));
    using Found = std::vector<std::uint64_t>;
    EXPECT_EQ(pages_in({VirtAddr(0x1f'e000), 1}), Found{});
    EXPECT_EQ(pages_in({VirtAddr(0x20'0000), 1}), (Found{0x20'0000}));
    EXPECT_EQ(pages_in({VirtAddr(0x45'6000), 1}), (Found{0x40'0000})) << "partly";
    EXPECT_EQ(pages_in({VirtAddr(0), 4096}), (Found{0x1f'f000, 0x20'0000, 0x40'0000}));
    EXPECT_EQ(pages_in({VirtAddr(0), 0}), Found{});
}

TEST_F(Mappings, AnErrorHasItsPlace) {
    EXPECT_EQ(error_in({VirtAddr(0x7fff'ffff'f000), 2}).kind, ErrorKind::not_canonical);
    EXPECT_EQ(error_in({VirtAddr(0x1000), 0xffff'8000'0000'0}).kind, ErrorKind::not_canonical);
    ASSERT_TRUE(mapper.map(Page4k::at<0x3000>(), Frame4k::at<0x9000>(), Flags(read)));
    std::uint64_t& entry = slot(pool, VirtAddr(0x3000), Level::pml4);
    const std::uint64_t good = std::exchange(entry, entry | bits::page_size);
    EXPECT_EQ(error_in(lower_half(LinearWidth::bits_48)),
              (Error{.kind = ErrorKind::malformed, .level = Level::pml4, .virt = VirtAddr(0)}));
    entry = Pml4e::table(Frame4k::at<0x7777'7000>()).raw();
    EXPECT_EQ(error_in(lower_half(LinearWidth::bits_48)), (Error{.kind = ErrorKind::not_addressable,
                                                                 .level = Level::pdpt,
                                                                 .virt = VirtAddr(0),
                                                                 .phys = PhysAddr(0x7777'7000)}));
    EXPECT_EQ(
        dumped(),
        (std::vector<std::string>{"not addressable: level PDPT, linear 0x0, physical 0x77777000"}));
    entry = good;
}

TEST_F(Mappings, AreDumpedAsRuns) {
    EXPECT_TRUE(dumped().empty());
    const auto map = [&](std::uint64_t start, std::uint64_t bytes, std::uint64_t frame,
                         Flags flags) {
        ASSERT_TRUE(mapper.map_range(*PageRange::from(VirtAddr(start), bytes),
                                     *Frame4k::from(PhysAddr(frame)), flags, PageSize::size_2m));
    };
    map(0x40'0000, 0x3000, 0x9000, Flags(read | user | execute));
    map(0x40'3000, 0x1000, 0xc000, Flags(read | write | user));
    map(0x40'4000, 0x1000, 0x4'0000, Flags(read | write | user));
    map(0x80'0000, 2 * mib2, mib2, *Flags(read).with_global().with_pat().with_protection_key(7));
    map(0xffff'ffff'ffff'f000, 0x1000, 0xd000, Flags(read | execute).with_cache_disable());
    slot(pool, VirtAddr(0x40'1000), Level::pt) |= bits::accessed | bits::dirty;
    slot(pool, VirtAddr(0x40'2000), Level::pt) |= bits::accessed;
    constexpr char large[] =
        "0x0000000000800000-0x0000000000bfffff  4 MiB by 2 MiB      -r-- -> 0x200000  A 0 D 0 PAT G"
        " key=7";
    const std::vector<std::string> expected{
        "0x0000000000400000-0x0000000000402fff  12 KiB by 4 KiB     ur-x -> 0x9000  A 2 D 1",
        "0x0000000000403000-0x0000000000403fff  4 KiB by 4 KiB      urw- -> 0xc000  A 0 D 0",
        "0x0000000000404000-0x0000000000404fff  4 KiB by 4 KiB      urw- -> 0x40000  A 0 D 0",
        large,
        "0xfffffffffffff000-0xffffffffffffffff  4 KiB by 4 KiB      -r-x -> 0xd000  A 0 D 0 PCD",
    };
    EXPECT_EQ(dumped(), expected);
}

TEST_F(Mappings, ARunEndsWhereATableGrantsLess) {
    const PageRange across{VirtAddr(0x1f'f000), 2};
    ASSERT_TRUE(mapper.map_range(across, Frame4k::at<0>(), Flags(read | write)));
    EXPECT_EQ(dumped().size(), 1u);
    slot(pool, across.start + 0x1000, Level::pd) &= ~bits::writable;
    EXPECT_EQ(dumped().size(), 2u);
}

}  // namespace
}  // namespace nestbed::paging::test
