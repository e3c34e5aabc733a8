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

std::atomic<std::uint64_t> handled;

// Interrupts of one CPU meet another in its handler, again and again: the next one has to wait for
// the end of the handler. Where it does not, the guest panics (trap_dispatch).
GUEST_TEST(errata, interrupt_while_off, {.cpus = 2}) {
    set_interrupt_handler(test_vector, [](TrapFrame&) {
        for (int i = 0; i < 2'000; ++i) {
            load_stack_segment();
        }
        // Relaxed: a count.
        handled.fetch_add(1, std::memory_order_relaxed);
    });
    GUEST_REQUIRE(boot_info().tsc_khz != 0);
    const std::uint64_t milliseconds = parameter("milliseconds", 4'000);
    GUEST_REQUIRE(milliseconds <= channel::max_test_timeout * 1'000);
    const std::uint64_t cycles = milliseconds * boot_info().tsc_khz;
    std::atomic<bool> over = false;
    run_on_cpus(2, [&](std::uint32_t cpu) {
        const std::uint64_t start = read_tsc();
        // The second condition: a loaded host may give the other one no time for as long as that.
        while (cpu == 0 && (read_tsc() - start < cycles || handled.load() == 0)) {
            apic::send(1, test_vector);
            for (int i = 0; i < 20; ++i) {
                pause();
            }
        }
        while (cpu == 1 && !over.load()) {
            pause();
        }
        over.store(true);
    });
    GUEST_LOG("{} interrupts, none within another", handled.load());
}

}  // namespace
}  // namespace nestbed::guest
