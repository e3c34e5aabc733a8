// User mode: functions that run at CPL 3, and calling them.
//
// User code lives in the user image, which every address space has at the same place. It may call
// GUEST_USER functions and touch GUEST_USER_DATA and whatever the test mapped for user mode; the
// kernel image is out of its reach, string literals and constants of the kernel included.
#pragma once

#include <cstdint>

#include "guest/kernel/panic.hpp"
#include "guest/kernel/trap_scope.hpp"

/// On a function: it runs in user mode.
#define GUEST_USER [[gnu::section(".user.text"), gnu::noinline]]
/// On a variable: user mode may read and write it. The kernel may as well, unless SMAP is on.
#define GUEST_USER_DATA [[gnu::section(".user.data")]]

namespace nestbed::guest {

using UserFunction = std::uint64_t (*)(std::uint64_t first, std::uint64_t second);

/// How a visit to user mode ended. Whoever ignores it does not see that the function faulted.
struct [[nodiscard]] UserResult {
    Trap trap;
    bool returned;  ///< the function returned; otherwise `trap` is the exception that ended it

    /// What it returned. Panics if it did not return: there is no value then.
    std::uint64_t value() const {
        if (!returned) {
            panic(trap.frame, trap.cr2);
        }
        return trap.frame.rax;
    }
};

/// Runs `function(first, second)` at CPL 3 with interrupts on, on this CPU's user stack, until it
/// returns or meets an exception. Interrupts in between are handled and it goes on. `more_flags`
/// (arch::rflags) are set besides. Panics if the user stack overflows.
UserResult run_user(UserFunction function, std::uint64_t first = 0, std::uint64_t second = 0,
                    std::uint64_t more_flags = 0);

}  // namespace nestbed::guest
