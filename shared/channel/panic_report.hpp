// What a vCPU leaves for the host before it calls the panic port: enough to name the cause and to
// rebuild the registers of the code that met it.
#pragma once

#include <cstdint>

#include "pointer.hpp"

namespace nestbed::channel {

/// The stack that the interrupt stubs build (lowest address first): general registers pushed by
/// the stub, vector and error code, then what the processor pushed (SDM Vol. 3A 6.14.2).
struct TrapFrame {
    std::uint64_t r15, r14, r13, r12, r11, r10, r9, r8;
    std::uint64_t rbp, rdi, rsi, rdx, rcx, rbx, rax;
    std::uint64_t vector;
    std::uint64_t error_code;  ///< 0 for vectors that push none
    std::uint64_t rip, cs, rflags, rsp, ss;

    /// True if user mode was interrupted.
    constexpr bool from_user() const { return (cs & 3) == 3; }
};
static_assert(sizeof(TrapFrame) == 22 * sizeof(std::uint64_t));

/// The message of a panic whose cause is the host: a maskable interrupt was delivered with
/// RFLAGS.IF clear (SDM Vol. 3A 6.8.1), if the guest itself has not done it with INT. The trap is
/// where it came.
inline constexpr char interrupt_while_off[] =
    "an interrupt came while interrupts were off, as no processor delivers one";

struct PanicReport {
    Pointer<const char> message;  ///< null: none
    std::uint64_t has_trap;       ///< 1: `trap` and `cr2` are meaningful
    std::uint64_t cr2;
    TrapFrame trap;
};

}  // namespace nestbed::channel
