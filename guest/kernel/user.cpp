#include "guest/kernel/user.hpp"

#include "guest/kernel/cpu.hpp"
#include "guest/kernel/stack_size.h"
#include "shared/arch/control.hpp"
#include "shared/arch/exceptions.hpp"

namespace nestbed::guest {

namespace {

extern "C" void user_entry();
extern "C" void user_returned();
extern "C" std::uint8_t user_stacks[];

/// Panics at a page fault in the guard of the stack that ends at `stack_top`: no test means that.
[[gnu::cold, gnu::noinline]] void refuse_overflow(const Trap& trap, std::uint64_t stack_top) {
    const std::uint64_t guard = stack_top - USER_STACK_SIZE - STACK_GUARD_SIZE;
    if (trap.vector() == static_cast<std::uint8_t>(arch::Exception::page_fault) &&
        trap.cr2 - guard < STACK_GUARD_SIZE) {
        panic(trap.frame, trap.cr2);
    }
}

}  // namespace

UserResult run_user(UserFunction function, std::uint64_t first, std::uint64_t second,
                    std::uint64_t more_flags) {
    const std::uint64_t stack_top =
        reinterpret_cast<std::uint64_t>(user_stacks) +
        (this_cpu().index + std::uint64_t{1}) * (STACK_GUARD_SIZE + USER_STACK_SIZE);
    UserResult result{
        enter_user({.rip = reinterpret_cast<std::uint64_t>(user_entry),
                    .rsp = stack_top,
                    .rflags = arch::rflags::reserved_one | arch::rflags::interrupt | more_flags,
                    .rdi = first,
                    .rsi = second,
                    .rax = reinterpret_cast<std::uint64_t>(function)}),
        false};
    result.returned =
        result.trap.frame.vector == static_cast<std::uint64_t>(arch::Exception::invalid_opcode) &&
        result.trap.frame.rip == reinterpret_cast<std::uint64_t>(user_returned);
    if (!result.returned) [[unlikely]] {
        refuse_overflow(result.trap, stack_top);
    }
    return result;
}

}  // namespace nestbed::guest
