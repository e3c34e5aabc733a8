// Which pages below and between a guest's stacks stay unmapped.

#include "vmm/loader/guest_stacks.hpp"

#include "tests/unit/diagnose/loaded_guest.hpp"
#include "tests/unit/loader/elf_builder.hpp"

namespace nestbed::vmm {
namespace {

using test::ElfBuilder;
using test::page_size;

constexpr std::uint64_t first = channel::layout::kernel_image + 0x10'0000;

/// Two kinds that take turns in memory: a guard of one page and three pages of stack, a guard of
/// two and a stack of one.
GuestStacks two_kinds() {
    ElfBuilder builder;
    builder.add_stacks(
        {{first}, channel::StackKind::kernel, page_size, 3 * page_size, 7 * page_size});
    builder.add_stacks({{first + 4 * page_size},
                        channel::StackKind::nmi,
                        2 * page_size,
                        page_size,
                        7 * page_size});
    const std::vector<std::byte> file = builder.file();
    return ElfImage("guest.elf", file).stacks();
}

TEST(GuestStacks, GuardsAndTheStacksOfMissingCpusAreNotMapped) {
    const std::vector<AddressRange> ranges = two_kinds().unmapped(2);
    ASSERT_EQ(ranges.size(), 5U);
    const auto expect_range = [&](std::size_t n, std::uint64_t begin, std::uint64_t end) {
        EXPECT_EQ(ranges[n].begin, first + begin * page_size) << n;
        EXPECT_EQ(ranges[n].end, first + end * page_size) << n;
    };
    expect_range(0, 0, 1);
    expect_range(1, 4, 6);
    expect_range(2, 7, 8);
    expect_range(3, 11, 13);
    expect_range(4, 14, std::uint64_t{64} * 7);
    EXPECT_EQ(two_kinds().unmapped(64).size(), 128U);
}

TEST(GuestStacks, AGuardIsFoundByItsAddress) {
    const GuestStacks stacks = two_kinds();
    const auto at = [&](std::uint64_t page) { return stacks.guarded_at(first + page * page_size); };
    ASSERT_TRUE(at(0));
    EXPECT_EQ(at(0)->kind, channel::StackKind::kernel);
    EXPECT_EQ(at(0)->cpu, 0U);
    EXPECT_FALSE(at(1)) << "the stack itself";
    EXPECT_FALSE(at(3));
    ASSERT_TRUE(at(5));
    EXPECT_EQ(at(5)->kind, channel::StackKind::nmi);
    EXPECT_FALSE(at(6));
    ASSERT_TRUE(at(7 * 63));
    EXPECT_EQ(at(7 * 63)->cpu, 63U);
    EXPECT_FALSE(at(7 * 64)) << "behind the last CPU's";
    EXPECT_FALSE(stacks.guarded_at(first - 1));
    EXPECT_FALSE(stacks.guarded_at(0));
}

TEST(GuestStacks, ABuiltinGuestHasAllFiveWithAPageBelowEach) {
    const test::LoadedGuest guest("boot");
    const std::vector<AddressRange> ranges = guest.image().stacks().unmapped(64);
    EXPECT_EQ(ranges.size(), 5U * 64);
    for (const AddressRange& range : ranges) {
        EXPECT_EQ(range.end - range.begin, page_size);
        EXPECT_TRUE(guest.image().stacks().guarded_at(range.begin));
    }
}

TEST(GuestStacks, WhatIsNotToBeMappedIsNot) {
    const test::LoadedGuest guest("boot");  // with one vCPU
    const VirtualMemory memory = guest.virtual_memory();
    for (const AddressRange& range : guest.image().stacks().unmapped(1)) {
        EXPECT_FALSE(memory.read<std::uint8_t>(range.begin));
        EXPECT_FALSE(memory.read<std::uint8_t>(range.end - 1));
        if (guest.image().stacks().guarded_at(range.end - 1)) {
            EXPECT_TRUE(memory.read<std::uint8_t>(range.end)) << "the stack above its guard";
        }
    }
}

}  // namespace
}  // namespace nestbed::vmm
