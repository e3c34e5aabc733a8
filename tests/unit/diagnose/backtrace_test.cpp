#include "vmm/diagnose/backtrace.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "shared/channel/layout.hpp"
#include "tests/unit/diagnose/loaded_guest.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

/// A guest's file in which nobody finds call-frame information.
std::vector<std::byte> without_call_frames(std::span<const std::byte> file) {
    constexpr std::string_view section = ".debug_frame";
    std::vector<std::byte> result(file.begin(), file.end());
    const auto name = std::as_bytes(std::span(section));
    *std::search(result.begin(), result.end(), name.begin(), name.end()) = std::byte{'x'};
    return result;
}

/// Stacks made by hand. There is no call-frame information, so that frames are chained by RBP;
/// return addresses are those of the guest's entry.
class HandMadeStack : public testing::Test {
  protected:
    HandMadeStack() : HandMadeStack(without_call_frames(test::builtin_guest("crash"))) {}
    explicit HandMadeStack(std::span<const std::byte> file)
        : guest_("crash"),
          symbols_(file),
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

/// Stacks of which the guest's call-frame information says how they are to be read.
class CallFrames : public HandMadeStack {
  protected:
    CallFrames() : HandMadeStack(test::builtin_guest("crash")) {}

    Symbol function(std::string_view name) const {
        const std::uint64_t from = channel::layout::kernel_image;
        const auto symbol = test::find_function(symbols_, name, from, from + 0x10000);
        EXPECT_TRUE(symbol) << name;
        return symbol.value_or(Symbol{});
    }

    /// Where trap_entry calls the dispatcher: behind its call.
    std::uint64_t dispatcher_called_from() const {
        const Symbol entry = function("trap_entry");
        const std::uint64_t dispatcher = function("trap_dispatch").start;
        const VirtualMemory memory = guest_.virtual_memory();
        for (std::uint64_t at = entry.start; at < entry.end; ++at) {
            const auto distance = memory.read<std::int32_t>(at);
            if (distance && at + 4 + static_cast<std::uint64_t>(*distance) == dispatcher) {
                return at + 4;
            }
        }
        ADD_FAILURE() << "no call of the dispatcher";
        return 0;
    }

    /// Writes a frame of interrupt 0x55, `offset` bytes into the stack's page.
    void put_trap(std::uint64_t offset, std::uint64_t rip, std::uint64_t rsp_offset) {
        channel::TrapFrame trap{};
        trap.vector = 0x55;
        trap.rip = rip;
        trap.rsp = stack_ + rsp_offset;
        trap.rbp = 0xBAD;
        ASSERT_TRUE(guest_.memory().write(physical_ + offset, trap));
    }
};

TEST_F(CallFrames, NeedNoFramePointer) {
    // At the first instruction only the return address has been pushed.
    put(0x100, function("guest::second_level(unsigned long)").start + 1);
    put(0x108, return_address_);
    const Backtrace result =
        trace(function("guest::first_level(unsigned long)").start, 0x100, 0xBAD);
    ASSERT_GE(result.frames.size(), 2U);
    EXPECT_EQ(symbols_.function_at(result.frames[1].code())->name,
              "guest::second_level(unsigned long)");
}

TEST_F(CallFrames, EndAtTheGuestsEntry) {
    const Backtrace result = trace(guest_.image().entry(), 0x100, stack_ + 0x200);
    EXPECT_EQ(result.frames.size(), 1U);
    EXPECT_EQ(result.end, "");
}

TEST_F(CallFrames, AReturnAddressOfZeroIsNoProperEnd) {
    EXPECT_THAT(trace(function("guest::first_level(unsigned long)").start, 0x100, 0).end,
                HasSubstr(", 0x0, is in no function"));
}

TEST_F(CallFrames, AFunctionMayEndInAnInstructionThatDoesNotReturn) {
    // What RIP is at is another function, or none. This one has pushed nothing.
    CpuState state = guest_.cpu_state();
    state.general.rip = function("guest::end_at_nobodys_port()").end;
    state.general.rsp = stack_ + 0x100;
    state.rip_is_behind = true;
    put(0x100, return_address_);
    const Backtrace result = backtrace(state, guest_.virtual_memory(), symbols_);
    EXPECT_THAT(show_backtrace(result, symbols_), HasSubstr("end_at_nobodys_port (guest/suites/"));
    ASSERT_EQ(result.frames.size(), 2U);
    EXPECT_EQ(result.frames[1].address, return_address_);
}

TEST_F(CallFrames, GoThroughATrapFromEachInstructionOfItsStub) {
    constexpr std::uint64_t vector = 0x55;
    constexpr std::uint64_t trap_at = 0x200;
    constexpr std::uint64_t general_registers = 15;
    const std::uint64_t interrupted = function("guest::first_level(unsigned long)").start;
    const std::uint64_t stub = channel::layout::kernel_image + 16 * vector;
    put_trap(trap_at, interrupted, 0x800);
    put(0x800, return_address_);
    const auto expect_interrupted = [&](std::uint64_t rip, std::uint64_t pushed) {
        const Backtrace result = trace(rip, trap_at + 8 * (general_registers + 2 - pushed), 0xBAD);
        ASSERT_EQ(result.frames.size(), 3U) << pushed << " words pushed";
        EXPECT_EQ(result.frames[1].kind, StackFrame::Kind::trap);
        EXPECT_EQ(result.frames[1].address, interrupted);
        EXPECT_THAT(show_backtrace(result, symbols_), HasSubstr("-- exception or interrupt --"));
    };
    expect_interrupted(stub, 0);
    expect_interrupted(stub + 2, 1);  // PUSH imm8
    expect_interrupted(stub + 4, 2);
    std::uint64_t rip = function("trap_entry").start;
    for (std::uint64_t pushed = 0; pushed <= general_registers; ++pushed) {
        expect_interrupted(rip, 2 + pushed);
        rip += pushed < 7 ? 1 : 2;  // from R8 on, PUSH has a REX prefix
    }
}

/// A chain over stacks that lead to each other through traps cannot be told from a loop by its
/// addresses; the number of frames ends it.
TEST_F(CallFrames, ALoopThroughTrapsEnds) {
    const std::uint64_t dispatcher = function("trap_dispatch").start;
    put(0x100, dispatcher_called_from());
    put_trap(0x108, dispatcher, 0x100);
    const Backtrace result = trace(dispatcher, 0x100, 0xBAD);
    EXPECT_THAT(result.end, HasSubstr("more than"));
    ASSERT_GT(result.frames.size(), 2U);
    EXPECT_EQ(result.frames[2].kind, StackFrame::Kind::trap);
    EXPECT_THAT(show_backtrace(result, symbols_), HasSubstr("-- interrupt 0x55 --"));
}

TEST_F(CallFrames, ABadPointerCalledInAHandlerHasACaller) {
    put(0x100, dispatcher_called_from());
    put_trap(0x108, 0x10, 0x800);
    put(0x800, return_address_);
    const Backtrace result = trace(function("trap_dispatch").start, 0x100, 0xBAD);
    ASSERT_EQ(result.frames.size(), 4U);
    EXPECT_EQ(result.frames[2].address, 0x10U);
    EXPECT_EQ(result.frames[3].address, return_address_);
    EXPECT_EQ(result.end, "");
}

}  // namespace
}  // namespace nestbed::vmm
