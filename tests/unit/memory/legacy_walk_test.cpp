#include "vmm/memory/legacy_walk.hpp"

#include <gtest/gtest.h>

#include <utility>

#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {
namespace {

using paging::Access;
using paging::AccessMode;
using paging::AccessType;
using paging::ControlState;
using paging::Permission;
using paging::WalkOutcome;

constexpr Access supervisor_read{};
constexpr Access supervisor_write{AccessType::write, AccessMode::supervisor};
constexpr Access supervisor_fetch{AccessType::fetch, AccessMode::supervisor};
constexpr Access user_read{AccessType::read, AccessMode::user};
constexpr Access user_write{AccessType::write, AccessMode::user};
constexpr Access user_fetch{AccessType::fetch, AccessMode::user};

constexpr std::uint64_t nx = 1ULL << 63;

class LegacyWalkTest : public testing::Test {
  protected:
    explicit LegacyWalkTest(PagingState paging)
        : memory_(map_backing({.kind = Backing::anon}, 2 << 20)), paging_(paging) {}

    LegacyWalk walk(Access access, const ControlState& state = {}) const {
        return legacy_walk(memory_, paging_, linear_, access, state);
    }
    /// Nothing if it is no page fault.
    std::optional<std::uint32_t> error(Access access, const ControlState& state = {}) const {
        const LegacyWalk result = walk(access, state);
        return result.outcome == WalkOutcome::page_fault ? std::optional(result.error.raw())
                                                         : std::nullopt;
    }
    std::uint64_t physical() const {
        const LegacyWalk result = walk(supervisor_read);
        return result.outcome == WalkOutcome::translated ? result.address.raw() : ~0ULL;
    }

    GuestMemory memory_;
    PagingState paging_;
    std::uint32_t linear_ = 0;
};

/// The directory at 0x1000, a table at 0x2000: entry 0x300 of the one, 5 of the other.
class Walk32 : public LegacyWalkTest {
  protected:
    // What is in CR3 beside the directory is ignored, or PWT and PCD.
    Walk32() : LegacyWalkTest({PagingMode::bits_32, 0x1FFF, true}) {
        linear_ = 0xC000'5678;
        set_pde(0x2007);
        set_pte(0x4'5007);
    }

    void set_pde(std::uint32_t raw) { ASSERT_TRUE(memory_.write(0x1000 + 4 * 0x300, raw)); }
    void set_pte(std::uint32_t raw) { ASSERT_TRUE(memory_.write(0x2000 + 4 * 5, raw)); }
};

TEST_F(Walk32, AFourKibPage) {
    EXPECT_EQ(physical(), 0x4'5678U);
    const LegacyWalk result = walk(user_fetch);
    EXPECT_EQ(result.outcome, WalkOutcome::translated);
    ASSERT_EQ(result.trace.size(), 2U);
    EXPECT_EQ(result.trace[0].place.raw(), 0x1C00U);
    EXPECT_EQ(result.trace[0].index, 0x300U);
    EXPECT_EQ(result.trace[1].place.raw(), 0x2014U);
    EXPECT_TRUE(
        contains(result.permission, Permission::write | Permission::user | Permission::execute));
}

TEST_F(Walk32, OnlyTheEntrysFourBytesCount) {
    ASSERT_TRUE(memory_.write<std::uint32_t>(0x2000 + 4 * 6, 0xFFFF'FFFF));
    EXPECT_EQ(physical(), 0x4'5678U);
}

TEST_F(Walk32, AFourMibPage) {
    set_pde(0x0040'0087);
    linear_ = 0xC012'3456;
    EXPECT_EQ(physical(), 0x52'3456U);
    EXPECT_EQ(walk(user_write).trace.size(), 1U);
    set_pde(0x0040'0087 | 0x12 << 13);
    EXPECT_EQ(physical(), 0x12'0052'3456U) << "bits 39:32 are in 20:13";
}

TEST_F(Walk32, WithoutPseEveryEntryOfTheDirectoryIsATable) {
    paging_.pse = false;
    set_pde(0x2087);
    EXPECT_EQ(physical(), 0x4'5678U);
}

TEST_F(Walk32, BitsOfAFourMibPageAboveMaxphyaddrAreReserved) {
    set_pde(0x0040'0087 | 1 << 21);
    EXPECT_EQ(error(supervisor_read), 0x9U) << "whatever MAXPHYADDR is";
    set_pde(0x0040'0087 | 1 << 17);
    EXPECT_EQ(error(user_write, {.format = {.maxphyaddr = 36}}), 0xFU);
    EXPECT_EQ(error(user_write, {.format = {.maxphyaddr = 37}}), std::nullopt);
    set_pde(0x0040'0087 | 1 << 13);
    EXPECT_EQ(error(supervisor_read, {.format = {.maxphyaddr = 32}}), 0x9U);
}

TEST_F(Walk32, EntriesThatAreNotPresent) {
    set_pte(0x4'5006);
    EXPECT_EQ(error(supervisor_read), 0x0U);
    EXPECT_EQ(error(user_write), 0x6U);
    EXPECT_EQ(walk(user_write).trace.size(), 2U);
    set_pde(0xFFFF'FFFE);
    EXPECT_EQ(walk(user_write).trace.size(), 1U);
    EXPECT_EQ(error(user_write), 0x6U);
}

TEST_F(Walk32, EachEntryMayRefuse) {
    set_pde(0x2005);
    EXPECT_EQ(error(user_write), 0x7U);
    EXPECT_EQ(error(supervisor_write), 0x3U);
    EXPECT_EQ(error(supervisor_write, {.wp = false}), std::nullopt);
    EXPECT_EQ(error(user_write, {.wp = false}), 0x7U);
    set_pde(0x2007);
    set_pte(0x4'5003);
    EXPECT_EQ(error(user_read), 0x5U);
    EXPECT_EQ(error(supervisor_read), std::nullopt);
}

TEST_F(Walk32, SmepAndSmap) {
    EXPECT_EQ(error(supervisor_fetch, {.smep = true}), 0x11U);
    EXPECT_EQ(error(supervisor_read, {.smap = true}), 0x1U);
    EXPECT_EQ(error(supervisor_read, {.smap = true, .ac = true}), std::nullopt);
}

TEST_F(Walk32, AFetchIsReportedAsOneByPaeAndSmepOnly) {
    set_pte(0);
    EXPECT_EQ(error(user_fetch, {.format = {.nxe = true}}), 0x4U) << "NXE counts with PAE";
    EXPECT_EQ(error(user_fetch, {.smep = true}), 0x14U);
}

TEST_F(Walk32, ATableOutsideMemory) {
    set_pde(0xF000'0007);
    const LegacyWalk result = walk(supervisor_read);
    EXPECT_EQ(result.outcome, WalkOutcome::entry_outside_memory);
    EXPECT_EQ(result.trace.back().place.raw(), 0xF000'0014U);
}

TEST_F(Walk32, IsReadThrough) {
    ASSERT_TRUE(memory_.write<std::uint32_t>(0x4'5678, 0xCAFE));
    const VirtualMemory memory(memory_, paging_);
    EXPECT_EQ(memory.read<std::uint32_t>(linear_), 0xCAFEU);
    EXPECT_EQ(memory.read<std::uint32_t>(0xFFFF'FFFF'0000'0000 | linear_), 0xCAFEU)
        << "addresses have 32 bits";
    EXPECT_FALSE(memory.read<std::uint32_t>(linear_ + 0x1000));
}

/// PDPTEs at 0x1020, a directory at 0x2000, a table at 0x3000: entry 3, 1 and 5.
class WalkPae : public LegacyWalkTest {
  protected:
    WalkPae() : LegacyWalkTest({PagingMode::pae, 0x1020 | 0x18}) {
        linear_ = 0xC020'5678;
        set_pdpte(0x2001);
        set_pde(0x3007);
        set_pte(0x4'5007);
    }

    void set_pdpte(std::uint64_t raw) { ASSERT_TRUE(memory_.write(0x1020 + 8 * 3, raw)); }
    void set_pde(std::uint64_t raw) { ASSERT_TRUE(memory_.write(0x2000 + 8 * 1, raw)); }
    void set_pte(std::uint64_t raw) { ASSERT_TRUE(memory_.write(0x3000 + 8 * 5, raw)); }
};

TEST_F(WalkPae, AFourKibPage) {
    EXPECT_EQ(physical(), 0x4'5678U);
    const LegacyWalk result = walk(user_write);
    ASSERT_EQ(result.trace.size(), 3U);
    EXPECT_EQ(result.trace[0].place.raw(), 0x1038U);
    EXPECT_EQ(result.trace[1].place.raw(), 0x2008U);
    EXPECT_EQ(result.trace[2].place.raw(), 0x3028U);
    EXPECT_EQ(result.outcome, WalkOutcome::translated) << "a PDPTE refuses nothing";
}

TEST_F(WalkPae, ATwoMibPage) {
    set_pde(0x80'0000'0087 | 1 << 21);
    linear_ = 0xC031'2345;
    EXPECT_EQ(physical(), 0x80'0031'2345U);
    EXPECT_EQ(walk(user_write).trace.size(), 2U);
    set_pde(0x87 | 1 << 21 | 1 << 13);
    EXPECT_EQ(error(supervisor_read), 0x9U);
}

TEST_F(WalkPae, NoExecute) {
    set_pte(nx | 0x4'5007);
    EXPECT_EQ(error(user_fetch), 0x15U);
    EXPECT_EQ(error(user_read), std::nullopt);
    EXPECT_EQ(error(user_read, {.format = {.nxe = false}}), 0xDU) << "reserved";
    set_pte(0x4'5007);
    set_pde(nx | 0x3007);
    EXPECT_EQ(error(supervisor_fetch), 0x11U);
}

TEST_F(WalkPae, BitsAboveTheAddressAreReservedInEveryEntry) {
    for (const unsigned bit : {40U, 51U, 52U, 58U, 59U, 62U}) {
        set_pte(1ULL << bit | 0x4'5007);
        EXPECT_EQ(error(supervisor_read, {.format = {.maxphyaddr = 40}}), 0x9U) << bit;
    }
    set_pte(1ULL << 51 | 0x4'5007);
    EXPECT_EQ(error(supervisor_read), std::nullopt) << "MAXPHYADDR 52";
    set_pde(1ULL << 52 | 0x3007);
    EXPECT_EQ(error(supervisor_read), 0x9U);
}

TEST_F(WalkPae, ThePdptesReservedBitsAreTheirOwnAndNoFault) {
    for (const unsigned bit : {1U, 2U, 5U, 6U, 7U, 8U, 63U}) {
        set_pdpte(1ULL << bit | 0x2001);
        EXPECT_EQ(walk(user_write).trace[0].entry.reserved, 1ULL << bit);
        EXPECT_EQ(error(user_write), std::nullopt) << bit;
    }
    for (const unsigned bit : {3U, 4U, 9U, 10U, 11U}) {
        set_pdpte(1ULL << bit | 0x2001);
        EXPECT_EQ(walk(user_write).trace[0].entry.reserved, 0U) << bit;
    }
    set_pdpte(0x2000);
    EXPECT_EQ(error(user_write), 0x6U);
}

TEST_F(WalkPae, IsReadThrough) {
    ASSERT_TRUE(memory_.write<std::uint32_t>(0x4'5678, 0xCAFE));
    EXPECT_EQ(VirtualMemory(memory_, paging_).read<std::uint32_t>(linear_), 0xCAFEU);
}

TEST(VirtualMemoryWithoutPaging, IsPhysicalMemory) {
    GuestMemory memory(map_backing({.kind = Backing::anon}, 2 << 20));
    ASSERT_TRUE(memory.write<std::uint32_t>(0x1FFE, 0xCAFE));
    const VirtualMemory seen(memory, {PagingMode::none, 0x1000});
    EXPECT_EQ(seen.read<std::uint32_t>(0x1FFE), 0xCAFEU);
    EXPECT_EQ(seen.read<std::uint32_t>(0x1'0000'1FFE), 0xCAFEU) << "addresses have 32 bits";
    EXPECT_FALSE(seen.read<std::uint32_t>((2 << 20) - 2));
}

}  // namespace
}  // namespace nestbed::vmm
