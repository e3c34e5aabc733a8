#include "vmm/diagnose/page_walk.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/diagnose/cpu_text.hpp"
#include "vmm/memory/backing.hpp"

namespace nestbed::vmm {
namespace {

using paging::Access;
using paging::AccessMode;
using paging::AccessType;
using paging::Level;
using testing::HasSubstr;
using testing::Not;

constexpr Access supervisor_read{};
constexpr Access supervisor_write{AccessType::write, AccessMode::supervisor};
constexpr Access supervisor_fetch{AccessType::fetch, AccessMode::supervisor};
constexpr Access user_read{AccessType::read, AccessMode::user};
constexpr Access user_write{AccessType::write, AccessMode::user};

/// PML4 at 0x1000, PDPT at 0x2000, PD at 0x3000, PT at 0x4000; `linear` takes entry 1 of the first,
/// 2 of the second, 3 and 4 of the others.
class PageWalkText : public testing::Test {
  protected:
    static constexpr std::uint64_t linear =
        1ULL << 39 | 2ULL << 30 | 3ULL << 21 | 4ULL << 12 | 0x567;
    static constexpr std::uint64_t table_bits = 0x7;

    PageWalkText() : memory_(map_backing({.kind = Backing::anon}, 2 << 20)) {
        set(Level::pml4, 0x2000 | table_bits);
        set(Level::pdpt, 0x3000 | table_bits);
        set(Level::pd, 0x4000 | table_bits);
    }

    void set(Level level, std::uint64_t raw) {
        const std::uint64_t table = 0x1000 * (5 - static_cast<std::uint64_t>(level));
        const std::uint64_t index = paging::index_of(level, paging::VirtAddr(linear));
        ASSERT_TRUE(memory_.write(table + 8 * index, raw));
    }

    std::string walk(Access access, paging::ControlState state = {},
                     std::uint64_t address = linear) {
        return show_walk(memory_, {PagingMode::four_level, 0x1000}, address, access, state);
    }

    GuestMemory memory_;
};

TEST_F(PageWalkText, ATranslationShowsEveryLevelAndWhereItGoes) {
    set(Level::pt, 0x8000'0000'0000'5163);
    EXPECT_EQ(walk(supervisor_read),
              "PML4E   1 at 0x1008: 0000000000002007 P W U -> table 0x2000\n"
              "PDPTE   2 at 0x2010: 0000000000003007 P W U -> table 0x3000\n"
              "PDE     3 at 0x3018: 0000000000004007 P W U -> table 0x4000\n"
              "PTE     4 at 0x4020: 8000000000005163 P W A D G NX -> 4 KiB page 0x5000\n"
              "=> physical 0x5567 (a 4 KiB page: read write, supervisor only)\n");
}

TEST_F(PageWalkText, ALargePageEndsTheWalkEarly) {
    set(Level::pd, 0x20'10E7);
    const std::string text = walk(user_write);
    EXPECT_THAT(text, HasSubstr("PDE     3 at 0x3018: 00000000002010e7 P W U A D PS PAT -> 2 MiB "
                                "page 0x200000\n"));
    // The guest has 2 MiB.
    EXPECT_THAT(text,
                HasSubstr("=> physical 0x204567, outside guest memory (a 2 MiB page: read write "
                          "execute, user and supervisor)\n"));
    EXPECT_THAT(text, Not(HasSubstr("\nPTE ")));
}

TEST_F(PageWalkText, APageThatIsNotPresentNamesItsLevel) {
    EXPECT_THAT(walk(user_write), HasSubstr("PTE     4 at 0x4020: 0000000000000000 not present\n"
                                            "=> #PF error code 0x6: user write, page not present: "
                                            "P = 0 in PTE\n"));
    set(Level::pml4, 0);
    EXPECT_EQ(walk(supervisor_fetch),
              "PML4E   1 at 0x1008: 0000000000000000 not present\n"
              "=> #PF error code 0x10: supervisor fetch, page not present: P = 0 in PML4E\n");
}

TEST_F(PageWalkText, RefusedRightsNameTheBitAndItsEntries) {
    set(Level::pt, 0x5001);
    EXPECT_THAT(
        walk(supervisor_write),
        HasSubstr("error code 0x3: supervisor write, forbidden by the entries' rights: R/W = "
                  "0 in PTE\n"));
    EXPECT_THAT(walk(supervisor_write, {.wp = false}), HasSubstr("=> physical 0x5567"));
    set(Level::pd, 0x4001);
    EXPECT_THAT(walk(user_write), HasSubstr("error code 0x7: user write, forbidden by the entries' "
                                            "rights: U/S = 0 in PDE, PTE; R/W = 0 in PDE, PTE\n"));
    EXPECT_THAT(walk(user_read), HasSubstr("rights: U/S = 0 in PDE, PTE\n"));
    set(Level::pdpt, 0x8000'0000'0000'3007);
    EXPECT_THAT(
        walk(supervisor_fetch),
        HasSubstr("error code 0x11: supervisor fetch, forbidden by the entries' rights: NX = "
                  "1 in PDPTE\n"));
}

TEST_F(PageWalkText, SmepAndSmapAreNamed) {
    set(Level::pt, 0x5007);
    EXPECT_THAT(walk(supervisor_fetch, {.smep = true}),
                HasSubstr("error code 0x11: supervisor fetch, forbidden by the entries' rights: "
                          "CR4.SMEP, and it is a user page\n"));
    EXPECT_THAT(walk(supervisor_read, {.smap = true}),
                HasSubstr("error code 0x1: supervisor read, forbidden by the entries' rights: "
                          "CR4.SMAP, and it is a user page\n"));
    EXPECT_THAT(walk(supervisor_read, {.smap = true, .ac = true}), HasSubstr("=> physical 0x5567"));
}

TEST_F(PageWalkText, ReservedBitsAreNamed) {
    const paging::ControlState narrow{.format = {.maxphyaddr = 40, .nxe = false}};
    set(Level::pt, 1ULL << 63 | 1ULL << 45 | 0x5007);
    EXPECT_THAT(
        walk(supervisor_read, narrow),
        HasSubstr("error code 0x9: supervisor read, reserved bit set in an entry: NX (bit 63, "
                  "since EFER.NXE = 0), bits 51:40 (above MAXPHYADDR) of the PTE\n"));
    set(Level::pd, 0x20'6087);
    EXPECT_THAT(
        walk(supervisor_write),
        HasSubstr("error code 0xb: supervisor write, reserved bit set in an entry: bits 20:13 "
                  "(below a large page's frame) of the PDE\n"));
    set(Level::pml4, 0x2087);
    EXPECT_THAT(walk(supervisor_read), HasSubstr("PS (bit 7) of the PML4E\n"));
    set(Level::pml4, 0x2107);
    EXPECT_THAT(walk(supervisor_read, {.format = {.root_global_reserved = true}}),
                HasSubstr("G (bit 8) of the PML4E\n"));
}

TEST_F(PageWalkText, AddressesWithoutAWalkSaySo) {
    EXPECT_EQ(walk(supervisor_read, {}, 1ULL << 63),
              "=> not canonical: #GP (#SS through the stack), no entry is read\n");
    set(Level::pml4, 0x10'0000'0007);
    EXPECT_EQ(walk(supervisor_read),
              "PML4E   1 at 0x1008: 0000001000000007 P W U -> table 0x1000000000\n"
              "PDPTE   2 at 0x1000000010\n"
              "=> this entry would be outside guest memory\n");
}

TEST(EntryText, ProtectionKeysAndCachingAreShown) {
    EXPECT_EQ(entry_text(Level::pt, 5ULL << 59 | 0x509F),
              "P W U PWT PCD PAT key=5 -> 4 KiB page 0x5000");
    EXPECT_EQ(entry_text(Level::pml4, 0x83), "P W PS -> no page can be this large");
    EXPECT_EQ(entry_text(Level::pdpt, 0x4000'0081), "P PS -> 1 GiB page 0x40000000");
    EXPECT_EQ(entry_text(Level::pd, 0xFFFE), "not present");
}

TEST(AccessOf, TheErrorCodeSaysWhatWasTried) {
    const auto access = [](std::uint32_t error, std::uint64_t rip) {
        return access_text(access_of(arch::PageFaultError(error), 0x1000, rip));
    };
    EXPECT_EQ(access(0x0, 0x5000), "supervisor read");
    EXPECT_EQ(access(0x7, 0x5000), "user write");
    EXPECT_EQ(access(0x14, 0x5000), "user fetch");
    // Without NXE and SMEP the fetch bit stays clear.
    EXPECT_EQ(access(0x4, 0x1000), "user fetch");
}

}  // namespace
}  // namespace nestbed::vmm
