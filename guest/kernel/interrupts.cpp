#include "guest/kernel/interrupts.hpp"

#include <array>
#include <atomic>

#include "guest/kernel/apic.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/trap_scope.hpp"
#include "shared/arch/control.hpp"
#include "shared/arch/descriptors.hpp"
#include "shared/arch/exceptions.hpp"
#include "shared/channel/layout.hpp"

namespace nestbed::guest {

namespace {

constexpr std::uint8_t nmi_vector = 2;
constexpr std::uint8_t double_fault_vector = 8;

// The stubs are where the linker script puts them, so the whole table is a constant: filling in
// 256 gates at run time would cost milliseconds where kernel mode is interpreted.
constexpr std::array<arch::InterruptGate, 256> make_interrupt_table() {
    std::array<arch::InterruptGate, 256> table{};
    for (std::uint64_t vector = 0; vector < table.size(); ++vector) {
        table[vector] =
            arch::InterruptGate::to(channel::layout::kernel_image + interrupt_stub_size * vector);
    }
    table[nmi_vector].ist = nmi_stack;
    table[double_fault_vector].ist = double_fault_stack;
    return table;
}

alignas(4096) constinit const std::array<arch::InterruptGate, 256> interrupt_table =
    make_interrupt_table();

constinit std::array<std::atomic<InterruptHandler>, 256> handlers{};

extern "C" const std::uint8_t waiting_instruction[];
extern "C" const std::uint8_t after_waiting_instruction[];

/// A CPU that was interrupted on the point of its HLT has something to look at: it does not sleep.
void leave_waiting_instruction(TrapFrame& frame) {
    if (frame.rip == reinterpret_cast<std::uint64_t>(waiting_instruction)) {
        frame.rip = reinterpret_cast<std::uint64_t>(after_waiting_instruction);
    }
}

}  // namespace

void set_interrupt_handler(std::uint8_t vector, InterruptHandler handler) {
    // Release: what the handler uses is set up before another CPU can be interrupted into it.
    handlers[vector].store(handler, std::memory_order_release);
}

void load_interrupt_table() {
    const arch::DescriptorTablePointer pointer{sizeof(interrupt_table) - 1,
                                               reinterpret_cast<std::uint64_t>(&interrupt_table)};
    asm volatile("lidt %0" : : "m"(pointer) : "memory");
}

extern "C" void trap_dispatch(channel::TrapFrame* frame) {
    const auto vector = static_cast<std::uint8_t>(frame->vector);
    const bool is_interrupt = vector >= arch::first_interrupt_vector;
    if (is_interrupt && (frame->rflags & arch::rflags::interrupt) == 0) [[unlikely]] {
        // A handler that interrupts itself, or a lock's holder, corrupts what nobody could trace
        // back to here (docs/errata.md).
        panic(*frame, read_cr2(), channel::interrupt_while_off);
    }
    if (const InterruptHandler handler = handlers[vector].load(std::memory_order_acquire)) {
        ++this_cpu().handler_depth;
        handler(*frame);
        --this_cpu().handler_depth;
        if (is_interrupt) {
            apic::end_of_interrupt();
        }
        leave_waiting_instruction(*frame);
        return;
    }
    if (vector == apic::spurious_vector) {
        return;  // no EOI for a spurious interrupt (SDM Vol. 3A 11.9)
    }
    // An NMI cannot end a scope: only IRET lets the next one in. Nor can an exception inside a
    // handler: the scope is that of the code that was interrupted.
    if (!is_interrupt && vector != nmi_vector && this_cpu().handler_depth == 0) {
        leave_trap_scope(*frame);
    }
    panic(*frame, read_cr2());
}

}  // namespace nestbed::guest
