#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "vmm/diagnose/page_walk.hpp"
#include "vmm/memory/backing.hpp"

namespace nestbed::vmm {
namespace {

using paging::Access;
using paging::AccessMode;
using paging::AccessType;
using testing::HasSubstr;

class LegacyWalkText : public testing::Test {
  protected:
    static constexpr Access user_write{AccessType::write, AccessMode::user};
    static constexpr Access user_fetch{AccessType::fetch, AccessMode::user};

    LegacyWalkText() : memory_(map_backing({.kind = Backing::anon}, 2 << 20)) {}

    template <typename Entry>
    void set(std::uint64_t place, Entry raw) {
        ASSERT_TRUE(memory_.write(place, raw));
    }

    /// Directory at 0x1000, table at 0x2000.
    std::string walk32(Access access, const paging::ControlState& state = {}) const {
        return show_walk(memory_, {PagingMode::bits_32, 0x1000, true}, 0xC000'5678, access, state);
    }
    /// PDPTEs at 0x1000, directory at 0x2000, table at 0x3000.
    std::string walk_pae(Access access, const paging::ControlState& state = {}) const {
        return show_walk(memory_, {PagingMode::pae, 0x1000}, 0xC020'5678, access, state);
    }

    GuestMemory memory_;
};

TEST_F(LegacyWalkText, TwoLevels) {
    set<std::uint32_t>(0x1C00, 0x2027);
    set<std::uint32_t>(0x2014, 0x4'5163);
    EXPECT_EQ(walk32({}),
              "PDE   768 at 0x1c00: 00002027 P W U A -> table 0x2000\n"
              "PTE     5 at 0x2014: 00045163 P W A D G -> 4 KiB page 0x45000\n"
              "=> physical 0x45678 (a 4 KiB page: read write execute, supervisor only)\n");
    EXPECT_THAT(walk32(user_write), HasSubstr("=> #PF error code 0x7: user write, forbidden by the "
                                              "entries' rights: U/S = 0 in PTE\n"));
}

TEST_F(LegacyWalkText, FourMibPages) {
    set<std::uint32_t>(0x1C00, 0x0040'0087 | 1 << 13);
    EXPECT_EQ(walk32({}),
              "PDE   768 at 0x1c00: 00402087 P W U PS -> 4 MiB page 0x100400000\n"
              "=> physical 0x100405678, outside guest memory (a 4 MiB page: read write execute, "
              "user and supervisor)\n");
    set<std::uint32_t>(0x1C00, 0x0040'0087 | 1 << 21);
    EXPECT_THAT(walk32({}), HasSubstr("error code 0x9: supervisor read, reserved bit set in an "
                                      "entry: bits up to 21 (above MAXPHYADDR, of a 4 MiB page) of "
                                      "the PDE\n"));
}

TEST_F(LegacyWalkText, WithoutPseABitOfTheDirectorySaysNothing) {
    set<std::uint32_t>(0x1C00, 0x2087);
    EXPECT_THAT(show_walk(memory_, {PagingMode::bits_32, 0x1000}, 0xC000'5678, {}, {}),
                HasSubstr("00002087 P W U -> table 0x2000\nPTE     5 at 0x2014: 00000000 not "
                          "present\n=> #PF error code 0x0: supervisor read, page not present: P = "
                          "0 in PTE\n"));
}

TEST_F(LegacyWalkText, ThreeLevels) {
    set<std::uint64_t>(0x1018, 0x2001);
    set<std::uint64_t>(0x2008, 0x3007);
    set<std::uint64_t>(0x3028, 1ULL << 63 | 0x4'5005);
    EXPECT_EQ(walk_pae({}),
              "PDPTE   3 at 0x1018: 0000000000002001 P -> table 0x2000\n"
              "PDE     1 at 0x2008: 0000000000003007 P W U -> table 0x3000\n"
              "PTE     5 at 0x3028: 8000000000045005 P U NX -> 4 KiB page 0x45000\n"
              "=> physical 0x45678 (a 4 KiB page: read, user and supervisor)\n");
    EXPECT_THAT(walk_pae(user_write), HasSubstr("rights: R/W = 0 in PTE\n")) << "not in the PDPTE";
    EXPECT_THAT(walk_pae(user_fetch), HasSubstr("error code 0x15: user fetch, forbidden by the "
                                                "entries' rights: NX = 1 in PTE\n"));
    EXPECT_THAT(walk_pae({}, {.format = {.nxe = false}}),
                HasSubstr("NX (bit 63, since EFER.NXE = 0) of the PTE\n"));
}

TEST_F(LegacyWalkText, ReservedBitsOfPaeAreNamed) {
    set<std::uint64_t>(0x1018, 0x2001);
    set<std::uint64_t>(0x2008, 1ULL << 60 | 1 << 21 | 1 << 14 | 0x87);
    EXPECT_THAT(walk_pae({}, {.format = {.maxphyaddr = 40}}),
                HasSubstr(": bits 62:40 (above MAXPHYADDR), bits 20:13 (below a large page's "
                          "frame) of the PDE\n"));
    set<std::uint64_t>(0x1018, 0x2027);
    EXPECT_THAT(walk_pae({}), HasSubstr(": 0000000000002027 P -> table 0x2000 (MOV to CR3 refuses "
                                        "bits 8:5, bits 2:1)\nPDE "));
}

TEST_F(LegacyWalkText, NoPaging) {
    EXPECT_EQ(show_walk(memory_, {PagingMode::none, 0}, 0x1'0000'1234, {}, {}),
              "=> physical 0x1234: there is no paging\n");
}

}  // namespace
}  // namespace nestbed::vmm
