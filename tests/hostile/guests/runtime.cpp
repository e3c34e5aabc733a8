// Guests that lie about themselves: boot info, panic reports, what they wait for, when they end.

#include "guest/kernel/panic.hpp"
#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;
using channel::PanicReport;
using channel::Wait;
using channel::WaitKind;

void fill(const void* first, std::uint64_t bytes, std::uint64_t with) {
    for (std::uint64_t n = 0; n < bytes / 8; ++n) {
        const_cast<std::uint64_t*>(reinterpret_cast<const std::uint64_t*>(first))[n] = with;
    }
}

constexpr std::uint64_t all_ones = ~std::uint64_t{0};

GUEST_TEST(runtime, boot_info_of_zeroes) {
    GUEST_LOG("a line that arrives");
    fill(&boot_info(), 4096, 0);
}
GUEST_TEST(runtime, boot_info_of_ones) {
    GUEST_LOG("a line that arrives");
    fill(&boot_info(), 4096, all_ones);
}
GUEST_TEST(runtime, boot_info_of_ones_and_a_crash) {
    fill(&boot_info(), 4096, all_ones);
    store(unmapped, 1);
}
GUEST_TEST(runtime, cpus_of_ones_and_a_crash, {.cpus = 2}) {
    fill(cpu_areas, sizeof cpu_areas, all_ones);
    store(unmapped, 1);
}
GUEST_TEST(runtime, data_of_ones_and_a_hang, {.cpus = 2, .timeout = 1}) {
    disable_interrupts();
    fill(trap_stacks, sizeof(TrapStacks), all_ones);  // the guards end it, or the timeout
    spin();
}

// Panic reports.

PanicReport& report() { return *boot_info().cpus[0].panic; }

[[noreturn]] void report_panic() {
    out(channel::port::panic, 0);
    spin();
}

GUEST_TEST(runtime, panic_for_no_reason) { report_panic(); }
GUEST_TEST(runtime, panic_of_ones) {
    fill(&report(), sizeof(PanicReport), all_ones);
    report_panic();
}
GUEST_TEST(runtime, panic_in_a_trap_of_ones) {
    fill(&report(), sizeof(PanicReport), all_ones);
    report().has_trap = 1;
    report_panic();
}
GUEST_TEST(runtime, panic_with_a_message_nowhere) {
    report().message = pointer(unmapped);
    report_panic();
}
GUEST_TEST(runtime, panic_with_a_message_without_end) {
    alignas(4096) static char text[65536];
    fill(text, sizeof text, 0x7878'7878'7878'7878);
    report().message = text;
    report_panic();
}
GUEST_TEST(runtime, panic_with_controls) { panic("\x1b[2J\x1b]0;x\x07\xc2\x9b\xff\n\nnestbed: x"); }
GUEST_TEST(runtime, panic_in_a_trap_that_was_not) {
    // Of user mode, at code that is none, on a stack that is this report.
    report().has_trap = 1;
    report().cr2 = non_canonical;
    report().trap.vector = 14;
    report().trap.error_code = all_ones;
    report().trap.rip = unmapped;
    report().trap.cs = 0xFFFF;
    report().trap.rsp = report().trap.rbp = address_of(report());
    report_panic();
}
GUEST_TEST(runtime, panic_of_a_double_fault_that_was_not) {
    report().has_trap = 1;
    report().trap.vector = 8;
    report().trap.rsp = this_cpu().tss.rsp[0] - trap_stack_size - 8;
    report_panic();
}
GUEST_TEST(runtime, panic_reported_while_it_hangs, {.timeout = 1}) {
    report().has_trap = 1;
    report().trap.rip = all_ones;
    report().message = pointer(non_canonical);
    spin();
}
GUEST_TEST(runtime, panic_while_others_run, {.cpus = 4}) {
    run_on_cpus(4, [](std::uint32_t cpu) {
        if (cpu == 3) {
            report_panic();
        }
        for (;;) {
            GUEST_LOG("CPU {} goes on", cpu);
        }
    });
}

// What a hang's diagnosis reads.

void wait_on(std::uint32_t cpu, WaitKind kind, std::uint32_t number, const void* place) {
    cpu_areas[cpu].marks.wait = {kind, number, place};
}

GUEST_TEST(runtime, waits_for_itself, {.timeout = 1}) {
    wait_on(0, WaitKind::cpu, 0, nullptr);
    spin();
}
GUEST_TEST(runtime, wait_in_a_circle, {.cpus = 2, .timeout = 1}) {
    for (std::uint32_t cpu = 0; cpu < 2; ++cpu) {
        wait_on(cpu, WaitKind::cpu, (cpu + 1) % 2, nullptr);
    }
    spin();
}
GUEST_TEST(runtime, waits_for_a_cpu_that_there_is_not, {.timeout = 1}) {
    wait_on(0, WaitKind::cpu, ~0U, pointer(unmapped));
    spin();
}
GUEST_TEST(runtime, waits_in_no_way_that_there_is, {.timeout = 1}) {
    wait_on(0, WaitKind{77}, ~0U, pointer(non_canonical));
    spin();
}
GUEST_TEST(runtime, meets_four_billion, {.cpus = 2, .timeout = 1}) {
    wait_on(0, WaitKind::meeting, ~0U, nullptr);
    wait_on(1, WaitKind::meeting, 0, nullptr);
    spin();
}
GUEST_TEST(runtime, waits_where_nothing_is_mapped, {.timeout = 1}) {
    const std::uint64_t page = address_of(cpu_areas[0]) & ~std::uint64_t{4095};
    entry_of(page, 1) = 0;
    spin();
}

// Ends.

GUEST_TEST(runtime, ends_while_others_write, {.cpus = 4}) {
    for (std::uint32_t cpu = 1; cpu < 4; ++cpu) {
        start_on(cpu, {[](void*) {
                           for (std::uint64_t n = 0;; ++n) {
                               GUEST_LOG("line {}", n);
                           }
                       },
                       nullptr});
    }
    out(channel::port::finish, 0);
    spin();
}
GUEST_TEST(runtime, is_ended_by_another_cpu, {.cpus = 2}) {
    start_on(1, {[](void*) { out(channel::port::finish, 0); }, nullptr});
    for (;;) {
        GUEST_LOG("CPU 0 goes on");
    }
}
GUEST_TEST(runtime, fails_after_the_end, {.cpus = 2}) {
    run_on_cpus(2, [](std::uint32_t cpu) {
        if (cpu == 0) {
            out(channel::port::finish, 0);
        }
        GUEST_EXPECT(false);
        ring_doorbell();
    });
}

}  // namespace
}  // namespace nestbed::guest
