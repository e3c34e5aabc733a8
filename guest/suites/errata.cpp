// What hosts are known to do wrong, each in the smallest guest that shows it: for those who mend
// it, and for those who want to know whether their host has it. A test fails where the host does,
// so that no run includes them unless it names this guest. docs/errata.md tells of each.

#include <atomic>

#include "guest/harness/test.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/smp.hpp"

namespace nestbed::guest {
namespace {

constexpr std::uint8_t test_vector = 0x80;

/// QEMU looks at what it has been asked for between two translated blocks, without a lock: where
/// that happens often, a request comes often between its two looks. A block ends with a load of SS.
void load_stack_segment() {
    asm volatile("mov %%ss, %%eax\n\tmov %%eax, %%ss" : : : "eax", "memory");
}

// Interrupts of one CPU meet another in its handler, again and again: the next one has to wait for
// the end of the handler. Where it does not, the guest panics (trap_dispatch).
GUEST_TEST(errata, interrupt_while_off, {.cpus = 2}) {
    set_interrupt_handler(test_vector, [](TrapFrame&) {
        for (int i = 0; i < 2'000; ++i) {
            load_stack_segment();
        }
    });
    const std::uint64_t cycles = parameter("cycles", 10'000'000'000);
    std::atomic<bool> over = false;
    run_on_cpus(2, [&](std::uint32_t cpu) {
        const std::uint64_t start = read_tsc();
        while (cpu == 0 && read_tsc() - start < cycles) {
            apic::send(1, test_vector);
            for (int i = 0; i < 20; ++i) {
                pause();
            }
        }
        // Relaxed: it is all that the other one has to see.
        while (cpu == 1 && !over.load(std::memory_order_relaxed)) {
            pause();
        }
        over.store(true, std::memory_order_relaxed);
    });
}

}  // namespace
}  // namespace nestbed::guest
