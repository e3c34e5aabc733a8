#include "vmm/diagnose/disassembly.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <random>

#include "shared/channel/layout.hpp"
#include "tests/unit/diagnose/loaded_guest.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

template <typename... Bytes>
std::array<std::byte, sizeof...(Bytes)> bytes(Bytes... values) {
    return {static_cast<std::byte>(values)...};
}

std::string text_of(std::span<const std::byte> code, std::uint64_t address = 0x1000) {
    const auto instruction = disassemble(code, address);
    return instruction ? instruction->text : "none";
}

TEST(Disassembly, OneInstruction) {
    const auto code = bytes(0x48, 0xC7, 0x03, 0x01, 0x00, 0x00, 0x00, 0x90);
    const auto instruction = disassemble(code, 0x1000);
    ASSERT_TRUE(instruction);
    EXPECT_EQ(instruction->length, 7);
    EXPECT_EQ(instruction->text, "mov qword ptr [rbx], 1");
    EXPECT_FALSE(instruction->target);
}

TEST(Disassembly, ABranchHasATarget) {
    const auto instruction = disassemble(bytes(0xEB, 0xFE), 0xFFFF'FFFF'8000'0000);
    ASSERT_TRUE(instruction);
    EXPECT_EQ(instruction->text, "jmp 0xffffffff80000000");
    EXPECT_EQ(instruction->target, 0xFFFF'FFFF'8000'0000);
}

TEST(Disassembly, EveryBranchByAnOffsetHasATarget) {
    const std::uint64_t end = 0x1000 + 6;
    EXPECT_EQ(disassemble(bytes(0x0F, 0x84, 0xFB, 0xFF, 0xFF, 0xFF), 0x1000)->target, end - 5);
    EXPECT_EQ(disassemble(bytes(0xE8, 0x00, 0x00, 0x00, 0x80), 0xFFFF'FFFF'C000'0000)->target,
              0xFFFF'FFFF'4000'0005);
    EXPECT_EQ(disassemble(bytes(0xE2, 0xFE), 0x1000)->target, 0x1000U) << "LOOP";
    EXPECT_EQ(disassemble(bytes(0xE3, 0xFE), 0x1000)->target, 0x1000U) << "JRCXZ";
    EXPECT_FALSE(disassemble(bytes(0xFF, 0xE0), 0x1000)->target) << "JMP RAX";
    EXPECT_FALSE(disassemble(bytes(0x6A, 0x10), 0x1000)->target) << "a PUSH names no code";
}

TEST(Disassembly, AnAddressInMemoryIsATarget) {
    // LEA RDI, [RIP + 0x10]; MOV RAX, [RIP - 7]; MOV RAX, [0x1234]; MOV RAX, [RBX + 0x1234]
    const auto forward = disassemble(bytes(0x48, 0x8D, 0x3D, 0x10, 0, 0, 0), 0xFFFF'FFFF'C000'0000);
    EXPECT_EQ(forward->text, "lea rdi, [0xffffffffc0000017]");
    EXPECT_EQ(forward->target, 0xFFFF'FFFF'C000'0017);
    const auto back = disassemble(bytes(0x48, 0x8B, 0x05, 0xF9, 0xFF, 0xFF, 0xFF), 0x1000);
    EXPECT_EQ(back->text, "mov rax, qword ptr [0x1000]");
    EXPECT_EQ(back->target, 0x1000U);
    EXPECT_EQ(disassemble(bytes(0x48, 0x8B, 0x04, 0x25, 0x34, 0x12, 0, 0), 0)->target, 0x1234U);
    EXPECT_FALSE(disassemble(bytes(0x48, 0x8B, 0x83, 0x34, 0x12, 0, 0), 0)->target);
}

TEST(Disassembly, WhatTestsOfPagingUse) {
    EXPECT_EQ(text_of(bytes(0x0F, 0x01, 0x38)), "invlpg byte ptr [rax]");
    EXPECT_EQ(text_of(bytes(0x66, 0x0F, 0x38, 0x82, 0x0A)), "invpcid rcx, xmmword ptr [rdx]");
    EXPECT_EQ(text_of(bytes(0x0F, 0x22, 0xD8)), "mov cr3, rax");
    EXPECT_EQ(text_of(bytes(0x0F, 0x30)), "wrmsr");
    EXPECT_EQ(text_of(bytes(0x0F, 0x01, 0xCA)), "clac");
    EXPECT_EQ(text_of(bytes(0x0F, 0x01, 0xC1)), "vmcall");
    EXPECT_EQ(text_of(bytes(0x0F, 0x01, 0xD9)), "vmmcall");
    EXPECT_EQ(text_of(bytes(0x48, 0xCF)), "iretq");
    EXPECT_EQ(text_of(bytes(0xF0, 0x48, 0x0F, 0xB1, 0x13)), "lock cmpxchg qword ptr [rbx], rdx");
    EXPECT_EQ(text_of(bytes(0x0F, 0x01, 0xEF, 0x90)), "wrpkru");
    EXPECT_EQ(text_of(bytes(0x0F, 0x01, 0xFE)), "invlpgb");
    EXPECT_EQ(text_of(bytes(0x0F, 0x01)), "none");
}

TEST(Disassembly, WhatIsCutOffOrNoInstructionIsNothing) {
    EXPECT_FALSE(disassemble(bytes(0x48, 0xC7), 0));
    EXPECT_FALSE(disassemble(bytes(0x06, 0x90), 0));  // PUSH ES, which 64-bit mode has not
    EXPECT_FALSE(disassemble({}, 0));
    std::array<std::byte, 32> prefixes{};
    prefixes.fill(std::byte{0x66});
    EXPECT_FALSE(disassemble(prefixes, 0)) << "an instruction has 15 bytes at most";
}

TEST(Disassembly, CodeOf16And32Bits) {
    const auto text = [](std::span<const std::byte> code, CodeSize size) {
        const auto instruction = disassemble(code, 0x1000, size);
        return instruction ? instruction->text : "none";
    };
    const auto move = bytes(0xB8, 0x34, 0x12, 0x78, 0x56, 0x90, 0x90, 0x90, 0x90, 0x90);
    EXPECT_EQ(text(move, CodeSize::bits_16), "mov ax, 0x1234");
    EXPECT_EQ(text(move, CodeSize::bits_32), "mov eax, 0x56781234");
    EXPECT_EQ(text(bytes(0x40), CodeSize::bits_32), "inc eax") << "REX in 64-bit code";
    EXPECT_EQ(text(bytes(0x06), CodeSize::bits_16), "push es");
    EXPECT_EQ(text(bytes(0x06), CodeSize::bits_64), "none");
}

TEST(Disassembly, ATargetHasTheBitsOfTheCode) {
    EXPECT_EQ(disassemble(bytes(0xE9, 0xFD, 0xEF), 0x0, CodeSize::bits_16)->target, 0xF000U);
    EXPECT_EQ(disassemble(bytes(0xE9, 0x00, 0x00, 0x00, 0xF0), 0x1000, CodeSize::bits_32)->target,
              0xF000'1005U);
    EXPECT_EQ(disassemble(bytes(0xA1, 0x00, 0x00, 0x00, 0xF0), 0, CodeSize::bits_32)->target,
              0xF000'0000U);
}

TEST(Disassembly, ASegmentsCodeIsShownAtItsLinearAddress) {
    GuestMemory memory(map_backing({.kind = Backing::anon}, 2 << 20));
    // JMP short to itself; CLI.
    ASSERT_TRUE(memory.write<std::uint32_t>(0x1'2345, 0xFAFEEB));
    const Symbols none({});
    const std::string text = show_code(VirtualMemory(memory, {PagingMode::none, 0}), none, 0x5,
                                       false, {CodeSize::bits_16, 0x1'2340});
    EXPECT_THAT(text, testing::StartsWith("=> 00012345  eb fe "));
    EXPECT_THAT(text, HasSubstr("jmp 5\n   00012347  fa "));
}

/// Memory whose end is followed by a page that cannot be read.
class EndOfMemory {
  public:
    EndOfMemory()
        : pages_(static_cast<std::byte*>(::mmap(nullptr, 2 * page, PROT_READ | PROT_WRITE,
                                                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0))) {
        ::mprotect(pages_ + page, page, PROT_NONE);
    }
    ~EndOfMemory() { ::munmap(pages_, 2 * page); }
    EndOfMemory(const EndOfMemory&) = delete;
    EndOfMemory& operator=(const EndOfMemory&) = delete;

    std::span<std::byte> last(std::size_t size) const { return {pages_ + page - size, size}; }

  private:
    static constexpr std::size_t page = 4096;
    std::byte* pages_;
};

TEST(Disassembly, NothingIsReadBehindTheCode) {
    const EndOfMemory memory;
    std::mt19937_64 random(15);
    std::size_t instructions = 0;
    for (int round = 0; round < 50'000; ++round) {
        const std::span<std::byte> code = memory.last(random() % (longest_instruction + 1));
        std::ranges::generate(code, [&] { return static_cast<std::byte>(random()); });
        // Random bytes hardly ever begin with what opens the other maps of opcodes.
        static constexpr std::array<std::uint8_t, 8> openings{0x0F, 0x66, 0xF2, 0xF3,
                                                              0x48, 0xC4, 0xC5, 0x62};
        for (std::size_t n = 0; n < random() % 4 && n < code.size(); ++n) {
            code[n] = std::byte{openings[random() % openings.size()]};
        }
        if (const auto instruction = disassemble(code, random())) {
            ASSERT_GE(instruction->length, 1U);
            ASSERT_LE(instruction->length, code.size());
            ASSERT_FALSE(instruction->text.empty());
            ++instructions;
        }
    }
    EXPECT_GT(instructions, 10'000U);
}

TEST(Disassembly, CodeBeforeRipIsAligned) {
    const test::LoadedGuest guest("crash");
    const Symbols symbols(guest.image().file());
    const std::uint64_t entry = guest.image().entry();
    // entry.S: LEA 1(%rsi), %rax; then IMUL.
    const std::string text = show_code(guest.virtual_memory(), symbols, entry + 4);
    EXPECT_THAT(text, HasSubstr("lea rax, [rsi + 1]\n=> "));
    EXPECT_THAT(text, HasSubstr("imul rax, rax, 0x5000\n   "));
    EXPECT_THAT(text, HasSubstr("<guest_start>"));
    EXPECT_THAT(show_code(guest.virtual_memory(), symbols, entry), testing::StartsWith("=> "));
    EXPECT_THAT(show_code(guest.virtual_memory(), symbols, entry + 5),
                HasSubstr("no instruction before RIP ends at it"));
}

TEST(Disassembly, OneInstructionIsThatAtRipOrTheOneBefore) {
    const test::LoadedGuest guest("crash");
    const Symbols symbols(guest.image().file());
    const std::uint64_t entry = guest.image().entry();
    const auto shown = [&](std::uint64_t rip, bool is_behind) {
        return show_instruction(guest.virtual_memory(), symbols, rip, is_behind);
    };
    EXPECT_THAT(
        shown(entry + 4, false),
        testing::AllOf(testing::StartsWith("=> "), testing::EndsWith("imul rax, rax, 0x5000\n")));
    EXPECT_THAT(shown(entry + 4, true),
                testing::AllOf(testing::StartsWith("   "), testing::EndsWith("[rsi + 1]\n")));
    EXPECT_THAT(shown(entry + 5, true), HasSubstr("no instruction before RIP"));
    EXPECT_EQ(shown(0x7000'0000'0000, false), "no code: 0x700000000000 is not mapped to memory\n");
}

TEST(Code, ThatIsNotMappedIsSaidToBe) {
    const test::LoadedGuest guest("crash");
    const Symbols symbols(guest.image().file());
    EXPECT_EQ(show_code(guest.virtual_memory(), symbols, 0x7000'0000'0000),
              "no code: 0x700000000000 is not mapped to memory\n");
    EXPECT_THAT(show_code(guest.virtual_memory(), symbols, ~std::uint64_t{0}),
                HasSubstr("no code"));
}

TEST(Disassembly, CodeEndsWhereMemoryEnds) {
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
