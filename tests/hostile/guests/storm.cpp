// Too much of everything, from all CPUs at once.

#include "guest/kernel/apic.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/timer.hpp"
#include "guest/kernel/trap_scope.hpp"
#include "guest/kernel/user.hpp"
#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;

constexpr std::uint8_t vector = 0x55;

/// On all CPUs, without end: a test that is over in the middle of it all.
template <typename Function>
void on_all_for_ever(Function function) {
    run_on_cpus(cpu_count(), [&](std::uint32_t cpu) {
        for (;;) {
            function(cpu);
        }
    });
}

GUEST_TEST(storm, of_interrupts, {.cpus = 4, .timeout = 1}) {
    set_interrupt_handler(vector, [](TrapFrame&) {});
    on_all_for_ever([](std::uint32_t) { apic::send_to_all_but_self(vector); });
}
GUEST_TEST(storm, of_nmis, {.cpus = 2, .timeout = 1}) {
    set_interrupt_handler(2, [](TrapFrame&) {});
    on_all_for_ever([](std::uint32_t cpu) { apic::send_nmi((cpu + 1) % cpu_count()); });
}
GUEST_TEST(storm, of_interrupts_to_itself, {.timeout = 1}) {
    set_interrupt_handler(vector, [](TrapFrame&) { apic::send_to_self(vector); });
    apic::send_to_self(vector);
    spin();
}
GUEST_TEST(storm, of_every_interrupt_command, {.cpus = 2, .timeout = 1}) {
    std::uint64_t state = parameter("seed", 1);
    for (std::uint64_t n = 0; n < 2000; ++n) {
        state = state * 6364136223846793005 + 1442695040888963407;
        static_cast<void>(catch_trap([=] { write_msr(arch::msr::x2apic_icr, state); }));
    }
    spin();
}
GUEST_TEST(storm, of_inits, {.cpus = 4, .timeout = 1}) {
    for (std::uint64_t n = 0;; ++n) {
        const std::uint64_t to = apic::icr::destination(1 + static_cast<std::uint32_t>(n % 3));
        write_msr(arch::msr::x2apic_icr, to | 5U << 8 | 1U << 14);
        write_msr(arch::msr::x2apic_icr, to | 6U << 8 | 1U << 14 | 8);
    }
}
GUEST_TEST(storm, of_timers, {.cpus = 2, .timeout = 1}) {
    set_interrupt_handler(vector, [](TrapFrame&) {});
    run_on_cpus(2, [](std::uint32_t) {
        write_msr(0x83E, 0xB);                // divide by 1
        write_msr(0x832, 1U << 17 | vector);  // periodic
        write_msr(0x838, 1);
        spin();
    });
}
GUEST_TEST(storm, of_doorbells, {.cpus = 2, .timeout = 1}) {
    on_all_for_ever([](std::uint32_t) { ring_doorbell(); });
}
GUEST_TEST(storm, of_lines, {.cpus = 2, .ring_records = 1, .timeout = 1}) {
    on_all_for_ever([](std::uint32_t cpu) { GUEST_LOG("a line of CPU {}", cpu); });
}
GUEST_TEST(storm, of_nothing_in_the_bare_loop, {.cpus = 2, .timeout = 1}) {
    run_on_cpus(2, [](std::uint32_t) {
        out(channel::port::bare_loop, 1);
        for (;;) {
            out(channel::port::nothing, 0);
        }
    });
}
GUEST_TEST(storm, of_page_faults, {.cpus = 2, .timeout = 1}) {
    on_all_for_ever(
        [](std::uint32_t) { static_cast<void>(catch_trap([] { store(unmapped, 1); })); });
}
GUEST_USER std::uint64_t fault(std::uint64_t, std::uint64_t) {
    *reinterpret_cast<volatile std::uint64_t*>(unmapped) = 1;
    return 0;
}
GUEST_TEST(storm, of_page_faults_of_user_mode, {.cpus = 2, .timeout = 1}) {
    on_all_for_ever([](std::uint32_t) { static_cast<void>(run_user(fault)); });
}
GUEST_TEST(storm, of_flushes, {.cpus = 2, .timeout = 1}) {
    on_all_for_ever([](std::uint32_t) { flush_tlb(); });
}
GUEST_TEST(storm, of_halts, {.cpus = 2, .timeout = 1}) {
    on_all_for_ever([](std::uint32_t cpu) {
        apic::send_to_existing((cpu + 1) % cpu_count(), wake_vector);
        wait_for_interrupt();
        enable_interrupts();
    });
}
GUEST_TEST(storm, of_ends, {.cpus = 4}) {
    on_all_for_ever([](std::uint32_t cpu) {
        out(cpu % 2 == 0 ? channel::port::finish : channel::port::panic, 0);
    });
}
GUEST_TEST(storm, of_new_tables, {.cpus = 2, .timeout = 1}) {
    // KVM keeps a shadow of what was a root once.
    for (std::uint64_t n = 0;; ++n) {
        const std::uint64_t root = boot_info().free_memory + n % 4096 * 4096;
        for (std::uint64_t entry = 256; entry < 512; entry += entry == 272 ? 239 : 16) {
            table_at(root)[entry] = table_at(read_cr3() & ~std::uint64_t{4095})[entry];
        }
        write_cr3(root);
    }
}

}  // namespace
}  // namespace nestbed::guest
