#include "vmm/diagnose/backtrace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "shared/channel/layout.hpp"
#include "tests/unit/diagnose/loaded_guest.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

/// Stacks made by hand. RIP is in assembly, which has no call-frame information, so that frames are
/// chained by RBP; return addresses are those of the guest's entry.
class HandMadeStack : public testing::Test {
  protected:
    HandMadeStack()
        : guest_("crash"),
          symbols_(guest_.image().file()),
          physical_(guest_.new_page()),
          stack_(channel::layout::direct_map + physical_),
          return_address_(guest_.image().entry() + 0x10) {}

    /// Writes a word `offset` bytes into the stack's page.
    void put(std::uint64_t offset, std::uint64_t value) {
        ASSERT_TRUE(guest_.memory().write(physical_ + offset, value));
    }

    void put_frame(std::uint64_t offset, std::uint64_t saved_rbp, std::uint64_t return_address) {
        put(offset, saved_rbp);
        put(offset + 8, return_address);
    }

    Backtrace trace(std::uint64_t rip, std::uint64_t rsp_offset, std::uint64_t rbp) {
        CpuState state = guest_.cpu_state();
        state.general.rip = rip;
        state.general.rsp = stack_ + rsp_offset;
        state.general.rbp = rbp;
        return backtrace(state, guest_.virtual_memory(), symbols_);
    }
    Backtrace trace(std::uint64_t rbp) { return trace(guest_.image().entry(), 0, rbp); }

    test::LoadedGuest guest_;
    Symbols symbols_;
    std::uint64_t physical_;
    std::uint64_t stack_;
    std::uint64_t return_address_;
};

TEST_F(HandMadeStack, AFramePointerOfZeroEndsIt) {
    const Backtrace result = trace(0);
    EXPECT_EQ(result.frames.size(), 1U);
    EXPECT_EQ(result.end, "");
}

TEST_F(HandMadeStack, FramesAreFollowedOutwards) {
    put_frame(0x100, stack_ + 0x200, return_address_);
    put_frame(0x200, 0, return_address_ + 1);
    const Backtrace result = trace(stack_ + 0x100);
    ASSERT_EQ(result.frames.size(), 3U);
    EXPECT_EQ(result.frames[1].address, return_address_);
    EXPECT_EQ(result.frames[2].address, return_address_ + 1);
    EXPECT_EQ(result.end, "");
    const std::string text = show_backtrace(result, symbols_);
    EXPECT_THAT(text, HasSubstr("#0   "));
    EXPECT_THAT(text, HasSubstr("guest_entry (guest/boot/entry.S:"));
}

TEST_F(HandMadeStack, AFrameThatPointsBackEndsIt) {
    put_frame(0x100, stack_ + 0x200, return_address_);
    put_frame(0x200, stack_ + 0x100, return_address_);
    const Backtrace result = trace(stack_ + 0x100);
    EXPECT_EQ(result.frames.size(), 3U);
    EXPECT_THAT(result.end, HasSubstr("the stack would go back"));
}

TEST_F(HandMadeStack, GarbageEndsIt) {
    EXPECT_THAT(trace(stack_ + 0x101).end, HasSubstr("unaligned or not mapped"));
    EXPECT_THAT(trace(0x7000'0000'0000).end, HasSubstr("unaligned or not mapped"));
    EXPECT_THAT(trace(0xDEAD'0000'0000'0000).end, HasSubstr("unaligned or not mapped"));
    EXPECT_THAT(trace(~std::uint64_t{7}).end, testing::Not(""));
    put_frame(0x100, 0, 0x1234);
    EXPECT_THAT(trace(stack_ + 0x100).end, HasSubstr("0x1234, is in no function"));
    EXPECT_THAT(show_backtrace(trace(stack_ + 0x100), symbols_), HasSubstr("(ends here: "));
}

TEST_F(HandMadeStack, TheCallerOfABadPointerIsOnTheTopOfTheStack) {
    put(0x80, return_address_);
    const Backtrace result = trace(0x10, 0x80, 0);
    ASSERT_EQ(result.frames.size(), 2U);
    EXPECT_EQ(result.frames[1].address, return_address_);
    EXPECT_THAT(show_backtrace(result, symbols_), HasSubstr("in no function"));
}

TEST_F(HandMadeStack, RepeatedFramesAreShownOnce) {
    constexpr std::uint64_t frames = 100;
    for (std::uint64_t n = 0; n < frames; ++n) {
        const std::uint64_t next = n + 1 == frames ? 0 : stack_ + 16 * (n + 1);
        put_frame(16 * n, next, return_address_);
    }
    const Backtrace result = trace(guest_.image().entry(), 0, stack_);
    EXPECT_EQ(result.frames.size(), frames + 1);
    EXPECT_THAT(show_backtrace(result, symbols_), HasSubstr("(the same 99 more times)"));
}

/// A chain over stacks that lead to each other through traps cannot be told from a loop by its
/// addresses; the number of frames ends it.
TEST_F(HandMadeStack, ALoopThroughTrapsEnds) {
    std::uint64_t trap_entry = 0;
    for (std::uint64_t at = guest_.image().entry() & ~0xFFFULL; trap_entry == 0; ++at) {
        const Symbol* symbol = symbols_.function_at(at);
        if (symbol != nullptr && symbol->name == "trap_entry") {
            trap_entry = at;
        }
    }
    put_frame(0x100, stack_ + 0x100, trap_entry + 8);
    channel::TrapFrame trap{};
    trap.vector = 0x55;
    trap.rip = guest_.image().entry();
    trap.rbp = stack_ + 0x100;
    trap.rsp = stack_;
    ASSERT_TRUE(guest_.memory().write(physical_ + 0x110, trap));
    const Backtrace result = trace(stack_ + 0x100);
    EXPECT_THAT(result.end, HasSubstr("more than"));
    EXPECT_EQ(result.frames[2].kind, StackFrame::Kind::trap);
    EXPECT_THAT(show_backtrace(result, symbols_), HasSubstr("-- interrupt 0x55 --"));
}

}  // namespace
}  // namespace nestbed::vmm
