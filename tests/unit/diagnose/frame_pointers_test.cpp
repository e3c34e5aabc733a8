#include "vmm/diagnose/frame_pointers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/arch/control.hpp"
#include "tests/unit/diagnose/elf32_file.hpp"
#include "vmm/memory/backing.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

/// Stacks made by hand, of protected mode without paging: frames of two words of four bytes.
class FramePointerChain : public testing::Test {
  protected:
    FramePointerChain()
        : memory_(map_backing({.kind = Backing::anon}, 2 << 20)),
          file_(test::read_elf32("code32.elf")),
          symbols_(std::as_bytes(std::span(file_))) {
        state_.special.cr0 = arch::cr0::pe;
        state_.special.cs.db = state_.special.ss.db = 1;
        state_.general.rip = code;
        state_.general.rsp = stack;
    }

    template <typename Word>
    void put_frame(std::uint64_t at, Word saved, Word return_address) {
        ASSERT_TRUE(memory_.write(at, saved));
        ASSERT_TRUE(memory_.write(at + sizeof(Word), return_address));
    }
    void put(std::uint64_t at, std::uint64_t saved, std::uint64_t return_address) {
        put_frame(at, static_cast<std::uint32_t>(saved),
                  static_cast<std::uint32_t>(return_address));
    }

    Backtrace trace(std::uint64_t rbp) {
        state_.general.rbp = rbp;
        return backtrace_by_frame_pointers(state_, state_.memory(memory_), symbols_);
    }

    static constexpr std::uint64_t code = test::text_of_elf32;
    static constexpr std::uint64_t caller = code + 2;  ///< in a function as well
    static constexpr std::uint64_t stack = 0x8000;

    GuestMemory memory_;
    std::string file_;
    Symbols symbols_;
    CpuState state_{};
};

TEST_F(FramePointerChain, IsFollowedOutwards) {
    put(stack + 0x10, stack + 0x20, caller);
    put(stack + 0x20, 0, caller + 1);
    const Backtrace result = trace(stack + 0x10);
    ASSERT_EQ(result.frames.size(), 3U);
    EXPECT_EQ(result.frames[0].kind, StackFrame::Kind::instruction);
    EXPECT_EQ(result.frames[1].address, caller);
    EXPECT_EQ(result.frames[1].kind, StackFrame::Kind::behind);
    EXPECT_EQ(result.frames[2].address, caller + 1);
    EXPECT_EQ(result.end, "");
    EXPECT_THAT(show_backtrace(result, symbols_), HasSubstr("inner_function ("));
}

TEST_F(FramePointerChain, EndsAtAFramePointerOfZero) {
    const Backtrace result = trace(0);
    EXPECT_EQ(result.frames.size(), 1U);
    EXPECT_EQ(result.end, "");
}

TEST_F(FramePointerChain, UsesTheLowHalfOfTheRegister) {
    put(stack + 0x10, 0, caller);
    EXPECT_EQ(trace(0xFFFF'FFFF'0000'0000 | (stack + 0x10)).frames.size(), 2U);
}

TEST_F(FramePointerChain, ThatIsALoopEnds) {
    put(stack + 0x10, stack + 0x20, caller);
    put(stack + 0x20, stack + 0x10, caller);
    EXPECT_EQ(trace(stack + 0x10).frames.size(), 3U);
    EXPECT_THAT(trace(stack + 0x10).end, HasSubstr("the stack would go back"));
    put(stack + 0x10, stack + 0x10, caller);
    EXPECT_EQ(trace(stack + 0x10).frames.size(), 2U);
    put(stack + 0x10, stack + 0x14, caller);
    put(stack + 0x14, caller, caller);
    EXPECT_EQ(trace(stack + 0x10).frames.size(), 2U) << "frames that overlap";
}

TEST_F(FramePointerChain, ThatIsLongIsBounded) {
    std::uint64_t at = 0x1'0000;
    for (std::size_t n = 0; n < 2 * most_stack_frames; ++n, at += 8) {
        put(at, at + 8, caller);
    }
    const Backtrace result = trace(0x1'0000);
    EXPECT_EQ(result.frames.size(), most_stack_frames);
    EXPECT_THAT(result.end, HasSubstr("more than"));
}

TEST_F(FramePointerChain, OfGarbageEnds) {
    EXPECT_THAT(trace(stack - 0x10).end, HasSubstr("the stack would go back"));
    EXPECT_THAT(trace(stack + 0x11).end, HasSubstr("unaligned or not mapped"));
    EXPECT_THAT(trace(0x7000'0000).end, HasSubstr("unaligned or not mapped"));
    EXPECT_THAT(trace(0xFFFF'FFFC).end, HasSubstr("unaligned or not mapped"));
    put(stack + 0x10, stack + 0x20, 0x1234);
    const Backtrace result = trace(stack + 0x10);
    EXPECT_EQ(result.frames.size(), 1U);
    EXPECT_EQ(result.end, "the return address at 0x8014, 0x1234, is in no function");
}

TEST_F(FramePointerChain, BeginsOnTheTopOfTheStackAfterACallOfABadPointer) {
    state_.general.rip = 0x10;
    put(stack, caller, 0);
    put(stack + 0x10, 0, caller + 1);
    const Backtrace result = trace(stack + 0x10);
    ASSERT_EQ(result.frames.size(), 3U);
    EXPECT_EQ(result.frames[1].address, caller);
}

TEST_F(FramePointerChain, IsInTheSegmentsOfCodeAndStack) {
    state_.special.cs.base = 0x4'0000;
    state_.special.ss.base = 0x1000;
    state_.general.rip = code - 0x4'0000;
    put(0x1000 + stack + 0x10, stack + 0x20, caller - 0x4'0000);
    put(0x1000 + stack + 0x20, 0, caller - 0x4'0000);
    const Backtrace result = trace(stack + 0x10);
    ASSERT_EQ(result.frames.size(), 3U) << result.end;
    EXPECT_EQ(result.frames[0].address, code);
    EXPECT_EQ(result.frames[2].address, caller);
}

TEST_F(FramePointerChain, HasWordsOfEightBytesIn64BitCode) {
    state_.special.cr0 |= arch::cr0::pg;
    state_.special.efer = arch::efer::lma;
    state_.special.cs.l = 1;
    put_frame<std::uint64_t>(stack + 0x10, stack + 0x20, caller);
    put_frame<std::uint64_t>(stack + 0x20, 0, caller + 1);
    state_.general.rbp = stack + 0x10;
    const VirtualMemory identity(memory_, {PagingMode::none, 0});
    const Backtrace result = backtrace_by_frame_pointers(state_, identity, symbols_);
    EXPECT_EQ(result.frames.size(), 3U) << result.end;
}

TEST_F(FramePointerChain, Of16BitCodeIsNotFollowed) {
    state_.special.cs.db = 0;
    state_.special.cs.base = code;
    state_.general.rip = 0;
    const Backtrace result = trace(stack + 0x10);
    ASSERT_EQ(result.frames.size(), 1U);
    EXPECT_EQ(result.frames[0].address, code);
    EXPECT_EQ(result.end, "16-bit code");
}

}  // namespace
}  // namespace nestbed::vmm
