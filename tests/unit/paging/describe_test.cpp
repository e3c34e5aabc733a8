#include "shared/paging/describe.hpp"

#include <gtest/gtest.h>

#include <string>

#include "typed.hpp"

namespace nestbed::paging::test {
namespace {

template <std::size_t Capacity>
std::string string_of(const Text<Capacity>& text) {
    EXPECT_EQ(text.size(), std::string(text.c_str()).size());
    return text.c_str();
}

TEST(FixedText, TakesWordsAndCharacters) {
    Text<20> text;
    EXPECT_TRUE(text.empty());
    EXPECT_EQ(string_of(text.append("map").append('!').append("").append(" done")), "map! done");
    EXPECT_FALSE(text.empty());
    text.clear();
    EXPECT_EQ(string_of(text), "");
}

TEST(FixedText, WritesNumbers) {
    const auto decimal = [](std::uint64_t number, std::size_t width = 0) {
        return string_of(Text<40>().append_decimal(number, width));
    };
    EXPECT_EQ(decimal(0), "0");
    EXPECT_EQ(decimal(1090), "1090");
    EXPECT_EQ(decimal(~0ull), "18446744073709551615");
    EXPECT_EQ(decimal(7, 3), "  7");
    EXPECT_EQ(decimal(1234, 3), "1234");
    EXPECT_EQ(decimal(5, 30), std::string(29, ' ') + "5");
    const auto hex = [](std::uint64_t number, std::size_t digits = 0) {
        return string_of(Text<40>().append_hex(number, digits));
    };
    EXPECT_EQ(hex(0), "0x0");
    EXPECT_EQ(hex(0x90'abcd'ef12), "0x90abcdef12");
    EXPECT_EQ(hex(~0ull), "0xffffffffffffffff");
    EXPECT_EQ(hex(0x1f, 4), "0x001f");
    EXPECT_EQ(hex(0x12345, 4), "0x12345");
}

TEST(FixedText, WritesSizesInTheGreatestUnitThatIsExact) {
    const auto size = [](std::uint64_t bytes) { return string_of(Text<40>().append_size(bytes)); };
    EXPECT_EQ(size(0), "0 B");
    EXPECT_EQ(size(1023), "1023 B");
    EXPECT_EQ(size(1536), "1536 B");
    EXPECT_EQ(size(4096), "4 KiB");
    EXPECT_EQ(size(0x20'1000), "2052 KiB");
    EXPECT_EQ(size(0x20'0000), "2 MiB");
    EXPECT_EQ(size(0x4000'0000), "1 GiB");
    EXPECT_EQ(size(1ull << 48), "256 TiB");
    EXPECT_EQ(size(1ull << 57), "128 PiB");
    EXPECT_EQ(size(1ull << 63), "8 EiB");
    for (const PageSize page : {PageSize::size_4k, PageSize::size_2m, PageSize::size_1g}) {
        EXPECT_EQ(size(bytes_of(page)), name_of(page));
    }
}

TEST(FixedText, PadsToAColumn) {
    Text<20> text;
    text.append("PD").pad_to(5).append("x").pad_to(3);
    EXPECT_EQ(string_of(text), "PD   x");
}

TEST(FixedText, WhatDoesNotFitIsCutOffAndSaysSo) {
    Text<8> text;
    text.append("12345678");
    EXPECT_FALSE(text.truncated()) << "it is full, and nothing is missing";
    EXPECT_EQ(string_of(text), "12345678");
    text.append("9");
    EXPECT_TRUE(text.truncated());
    EXPECT_EQ(string_of(text), "12345...");
    text.append("more").append_decimal(1).append_hex(2, 1000).append_size(3).pad_to(1000);
    EXPECT_EQ(string_of(text), "12345...");
    text.clear();
    EXPECT_FALSE(text.truncated());
    EXPECT_EQ(string_of(text.append("ab")), "ab");
}

TEST(FixedText, PaddingAndNumbersAreCutOffToo) {
    Text<4> text;
    EXPECT_EQ(string_of(text.pad_to(5)), " ...");
    EXPECT_TRUE(text.truncated());
    EXPECT_EQ(string_of(Text<4>().append_decimal(12345)), "1...");
    EXPECT_EQ(string_of(Text<3>().append_hex(1, ~std::size_t{0})), "...");
}

TEST(Names, AreThoseOfTheManual) {
    const Level levels[] = {Level::pt, Level::pd, Level::pdpt, Level::pml4, Level::pml5};
    const char* const names[] = {"PT", "PD", "PDPT", "PML4", "PML5"};
    for (std::size_t n = 0; n < 5; ++n) {
        EXPECT_STREQ(name_of(levels[n]), names[n]);
        EXPECT_EQ(entry_name_of(levels[n]), std::string(names[n]) + "E");
    }
    EXPECT_STREQ(name_of(PageSize::size_4k), "4 KiB");
    EXPECT_STREQ(name_of(PageSize::size_2m), "2 MiB");
    EXPECT_STREQ(name_of(PageSize::size_1g), "1 GiB");
}

TEST(DescribePermission, OneLetterForEachRight) {
    for (std::size_t n = 0; n < permission_count; ++n) {
        const auto permission = static_cast<Permission>(n);
        std::string expected = "----";
        expected[0] = (n & 4) != 0 ? 'u' : '-';
        expected[1] = (n & 1) != 0 ? 'r' : '-';
        expected[2] = (n & 2) != 0 ? 'w' : '-';
        expected[3] = (n & 8) != 0 ? 'x' : '-';
        EXPECT_EQ(string_of(describe(permission)), expected);
    }
}

TEST(DescribeEntry, SaysTheFormTheAddressAndTheFlags) {
    EXPECT_EQ(string_of(describe(Pde(0x8000'00e3))),
              "PDE 0x00000000800000e3 leaf 2 MiB -> 0x80000000 P W A D PS");
    EXPECT_EQ(string_of(describe(Pml4e(0x2007))), "PML4E 0x0000000000002007 table -> 0x2000 P W U");
    EXPECT_EQ(string_of(describe(Pte(0x8000'0000'0000'5163))),
              "PTE 0x8000000000005163 leaf 4 KiB -> 0x5000 P W A D G NX");
    EXPECT_EQ(string_of(describe(Pdpte(0x4000'0081))),
              "PDPTE 0x0000000040000081 leaf 1 GiB -> 0x40000000 P PS");
    EXPECT_EQ(string_of(describe(Pte(0xffe))), "PTE 0x0000000000000ffe not present");
    EXPECT_EQ(string_of(describe(Pml5e(0x83))), "PML5E 0x0000000000000083 malformed P W PS");
    EXPECT_EQ(string_of(describe(Level::pd, 0x20'1081)),
              "PDE 0x0000000000201081 leaf 2 MiB -> 0x200000 P PS PAT")
        << "bit 12 is not of the address";
}

TEST(DescribeFlags, ShowsEachBitByItsName) {
    const auto flags = [](Level level, std::uint64_t raw) {
        return string_of(describe_flags(level, raw));
    };
    EXPECT_EQ(flags(Level::pt, 5ull << 59 | 0x5099), "P PWT PCD PAT key=5");
    EXPECT_EQ(flags(Level::pt, 0x1001), "P") << "bit 12 is of the address";
    EXPECT_EQ(flags(Level::pt, 0x81), "P PAT");
    EXPECT_EQ(flags(Level::pd, 0x5), "P U");
    EXPECT_EQ(flags(Level::pd, 0x7fff'0000'0000'1f41), "P") << "a table entry ignores the rest";
    EXPECT_EQ(flags(Level::pdpt, ~0ull), "P W U PWT PCD A D PS G PAT key=15 NX");
    EXPECT_EQ(flags(Level::pd, 0x7fff'ffff'ffff'fffe), "");
}

template <typename T>
class DescribeAny : public testing::Test {};
TYPED_TEST_SUITE(DescribeAny, AllLevels, LevelName);

TYPED_TEST(DescribeAny, TheLongestEntryFitsALine) {
    EXPECT_FALSE(describe(Entry<TypeParam::value>(~0ull)).truncated());
    EXPECT_FALSE(describe(Entry<TypeParam::value>(~0x80ull)).truncated());
}

TEST(DescribeError, SaysWhatIsKnown) {
    EXPECT_EQ(string_of(describe(Error{.kind = ErrorKind::unexpected_leaf,
                                       .level = Level::pd,
                                       .virt = VirtAddr(0x4020'0000),
                                       .phys = PhysAddr(0x8000'0000)})),
              "unexpected leaf: level PD, linear 0x40200000, physical 0x80000000");
    EXPECT_EQ(string_of(describe(Error{.kind = ErrorKind::out_of_frames})), "out of frames");
    EXPECT_EQ(string_of(describe(Error{.kind = ErrorKind::unaligned, .phys = PhysAddr(0x1001)})),
              "unaligned: physical 0x1001");
    EXPECT_EQ(string_of(describe(Error{.kind = ErrorKind::not_canonical, .virt = VirtAddr(~0ull)})),
              "not canonical: linear 0xffffffffffffffff");
    EXPECT_FALSE(describe(Error{.kind = ErrorKind::invalid_permission,
                                .level = Level::pml5,
                                .virt = VirtAddr(~0ull),
                                .phys = PhysAddr(~0ull)})
                     .truncated());
}

static_assert(describe(Pte()).size() == 34, "while compiling, too");

}  // namespace
}  // namespace nestbed::paging::test
