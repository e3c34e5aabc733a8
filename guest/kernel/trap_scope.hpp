// Running code that is allowed to trap: kernel code that may fault, and user code, which always
// ends in an exception. The trap comes back as a value.
#pragma once

#include <cstdint>
#include <optional>

#include "shared/channel/panic_report.hpp"

namespace nestbed::guest {

using channel::TrapFrame;

/// An exception that ended a scope.
struct Trap {
    TrapFrame frame;
    std::uint64_t cr2;  ///< of a page fault; otherwise what was there

    std::uint8_t vector() const { return static_cast<std::uint8_t>(frame.vector); }
};

/// Where to go back to. One per nesting level, on the kernel stack; the innermost is the CPU's.
struct TrapScope {
    std::uint64_t stack_pointer;  ///< offset 0: trap_scope.S
    TrapScope* outer;
    Trap trap;
};
static_assert(offsetof(TrapScope, stack_pointer) == 0);

/// Runs `function(argument)` in kernel mode; an exception inside ends it there, without unwinding:
/// destructors of the frames that were left do not run. NMIs and interrupts are handled as usual.
/// Panics at a stack overflow.
std::optional<Trap> catch_trap(void (*function)(void*), void* argument);

template <typename Function>
std::optional<Trap> catch_trap(Function&& function) {
    // An object of its own that is not const, whatever is called: a void* leads to no other.
    auto call = [&] { function(); };
    return catch_trap([](void* argument) { (*static_cast<decltype(call)*>(argument))(); }, &call);
}

/// Ends the innermost scope of this CPU with `frame`, if there is one; returns if there is none.
void leave_trap_scope(const TrapFrame& frame);

/// Where and how user code starts.
struct UserContext {
    std::uint64_t rip;
    std::uint64_t rsp;
    std::uint64_t rflags;
    std::uint64_t rdi;
    std::uint64_t rsi;
    std::uint64_t rax;
};

/// Runs user code until it traps.
Trap enter_user(const UserContext& context);

}  // namespace nestbed::guest
