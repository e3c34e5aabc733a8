#include "vmm/diagnose/disassembly.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "shared/channel/layout.hpp"
#include "tests/unit/diagnose/loaded_guest.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

template <typename... Bytes>
std::array<std::byte, sizeof...(Bytes)> bytes(Bytes... values) {
    return {static_cast<std::byte>(values)...};
}

class Disassembly : public testing::Test {
  protected:
    void SetUp() override {
        if (!disassembler_remedy().empty()) {
            GTEST_SKIP() << "no disassembler here: " << disassembler_remedy();
        }
    }
};

TEST_F(Disassembly, OneInstruction) {
    const auto code = bytes(0x48, 0xC7, 0x03, 0x01, 0x00, 0x00, 0x00, 0x90);
    const auto instruction = disassemble(code, 0x1000);
    ASSERT_TRUE(instruction);
    EXPECT_EQ(instruction->length, 7);
    EXPECT_EQ(instruction->text, "mov qword ptr [rbx], 0x1");
    EXPECT_FALSE(instruction->target);
}

TEST_F(Disassembly, ABranchHasATarget) {
    const auto instruction = disassemble(bytes(0xEB, 0xFE), 0xFFFF'FFFF'8000'0000);
    ASSERT_TRUE(instruction);
    EXPECT_EQ(instruction->text, "jmp 0xffffffff80000000");
    EXPECT_EQ(instruction->target, 0xFFFF'FFFF'8000'0000);
}

TEST_F(Disassembly, WhatIsCutOffOrNoInstructionIsNothing) {
    EXPECT_FALSE(disassemble(bytes(0x48, 0xC7), 0));
    EXPECT_FALSE(disassemble(bytes(0x06, 0x90), 0));  // PUSH ES, which 64-bit mode has not
    EXPECT_FALSE(disassemble({}, 0));
}

TEST_F(Disassembly, CodeBeforeRipIsAligned) {
    const test::LoadedGuest guest("crash");
    const Symbols symbols(guest.image().file());
    const std::uint64_t entry = guest.image().entry();
    // entry.S: LEA 1(%rsi), %rax; then IMUL.
    const std::string text = show_code(guest.virtual_memory(), symbols, entry + 4);
    EXPECT_THAT(text, HasSubstr("lea rax, [rsi+0x1]\n=> "));
    EXPECT_THAT(text, HasSubstr("imul rax, rax, 0x4000\n   "));
    EXPECT_THAT(text, HasSubstr("<guest_start>"));
    EXPECT_THAT(show_code(guest.virtual_memory(), symbols, entry), testing::StartsWith("=> "));
    EXPECT_THAT(show_code(guest.virtual_memory(), symbols, entry + 5),
                HasSubstr("no instruction before RIP ends at it"));
}

TEST(Code, ThatIsNotMappedIsSaidToBe) {
    const test::LoadedGuest guest("crash");
    const Symbols symbols(guest.image().file());
    EXPECT_EQ(show_code(guest.virtual_memory(), symbols, 0x7000'0000'0000),
              "no code: 0x700000000000 is not mapped to memory\n");
    EXPECT_THAT(show_code(guest.virtual_memory(), symbols, ~std::uint64_t{0}),
                HasSubstr("no code"));
}

TEST_F(Disassembly, CodeEndsWhereMemoryEnds) {
    test::LoadedGuest guest("crash");
    const Symbols symbols(guest.image().file());
    const std::uint64_t last = guest.memory().size() - 2;
    ASSERT_TRUE(guest.memory().write<std::uint16_t>(last, 0x4890));  // NOP, then half a MOV
    const std::string text =
        show_code(guest.virtual_memory(), symbols, channel::layout::direct_map + last);
    EXPECT_THAT(text, HasSubstr("=> ffff888001fffffe  90"));
    EXPECT_THAT(text, HasSubstr("ffff888001ffffff  48  (no instruction)"));
}

TEST(HexBytes, AreSeparatedBySpaces) {
    EXPECT_EQ(hex_bytes(bytes(0x0F, 0x01, 0xD9)), "0f 01 d9");
    EXPECT_EQ(hex_bytes({}), "");
}

}  // namespace
}  // namespace nestbed::vmm
