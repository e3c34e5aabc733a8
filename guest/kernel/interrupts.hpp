// Interrupt and exception dispatch.
#pragma once

#include <cstdint>

#include "shared/channel/panic_report.hpp"

namespace nestbed::guest {

using channel::TrapFrame;

/// Bytes from one vector's stub to the next (vectors.S); the first is at the kernel image's start.
inline constexpr std::uint64_t interrupt_stub_size = 16;

/// Runs with interrupts off, on the stack of what was interrupted (or RSP0, or an IST stack). What
/// it changes in the frame is what the interrupted code continues with. EOI is sent after it.
using InterruptHandler = void (*)(TrapFrame& frame);

/// Sets the handler of a vector on all CPUs; null takes it away. An exception without a handler
/// ends the innermost trap scope; without one of those, and for an interrupt without a handler, the
/// guest panics.
void set_interrupt_handler(std::uint8_t vector, InterruptHandler handler);

/// Loads the IDT on the calling CPU.
void load_interrupt_table();

}  // namespace nestbed::guest
