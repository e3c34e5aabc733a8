// The end of the road: says why, and stops the VM.
#pragma once

#include <cstdint>

#include "shared/channel/panic_report.hpp"

namespace nestbed::guest {

/// The VMM prints the message, every vCPU's registers, code, backtrace and page walks.
[[noreturn]] void panic(const char* message);

/// The same for an exception that nothing expected. `cr2` is of a page fault. With a message it is
/// that which is said, and the trap is where it was found.
[[noreturn]] void panic(const channel::TrapFrame& frame, std::uint64_t cr2,
                        const char* message = nullptr);

}  // namespace nestbed::guest
