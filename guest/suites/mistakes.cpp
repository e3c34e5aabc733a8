// The mistakes that a new author of tests makes first: what the VMM says of them is tested in
// tests/vmm/first_mistakes_test.cpp. They fail, so that no run includes them unless it names this
// guest.

#include "guest/harness/test.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/spinlock.hpp"
#include "guest/kernel/timer.hpp"
#include "guest/kernel/trap_scope.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {
namespace {

constexpr std::uint8_t test_vector = 0x55;

[[noreturn, gnu::noinline]] void spin_forever() {
    disable_interrupts();
    for (;;) {
        pause();
    }
}

GUEST_USER std::uint64_t spin_in_user_mode(std::uint64_t, std::uint64_t) {
    for (;;) {
        asm volatile("pause");
    }
}

GUEST_TEST(mistakes, too_many_cpus) {
    run_on_cpus(4, [](std::uint32_t) {});
}

GUEST_TEST(mistakes, start_on_a_missing_cpu, {.cpus = 2}) {
    start_on(2, Work{[](void*) {}, nullptr});
}

GUEST_TEST(mistakes, start_on_the_first_cpu) {
    start_on(0, Work{[](void*) {}, nullptr});
}

GUEST_TEST(mistakes, start_on_a_busy_cpu, {.cpus = 2}) {
    const Work forever{[](void*) { spin_forever(); }, nullptr};
    start_on(1, forever);
    start_on(1, forever);
    wait_for(1);  // so that the test is on the stack while start_on runs
}

GUEST_TEST(mistakes, work_that_nobody_waits_for, {.cpus = 2}) {
    static std::atomic<bool> done{false};
    start_on(1,
             Work{[](void* flag) { static_cast<std::atomic<bool>*>(flag)->store(true); }, &done});
    while (!done.load()) {
        pause();
    }
}

GUEST_TEST(mistakes, work_that_still_runs, {.cpus = 2}) {
    start_on(1, Work{[](void*) { spin_forever(); }, nullptr});
}

GUEST_TEST(mistakes, wait_for_a_missing_cpu) { wait_for(1); }
GUEST_TEST(mistakes, wait_for_the_first_cpu) { wait_for(0); }

GUEST_TEST(mistakes, wait_for_oneself, {.cpus = 2}) {
    run_on_cpus(2, [](std::uint32_t cpu) {
        if (cpu == 1) {
            wait_for(1);
        }
    });
}

GUEST_TEST(mistakes, run_on_no_cpus) {
    run_on_cpus(static_cast<std::uint32_t>(parameter("cpus", 0)), [](std::uint32_t) {});
}

GUEST_TEST(mistakes, rendezvous_of_none) {
    Rendezvous meeting(static_cast<std::uint32_t>(parameter("meeting", 0)));
    meeting.meet();
}

GUEST_TEST(mistakes, interrupt_to_a_missing_cpu) { apic::send(1, test_vector); }

// One more is 0.
GUEST_TEST(mistakes, nmi_to_a_missing_cpu) { apic::send_nmi(0xFFFF'FFFF); }

GUEST_TEST(mistakes, rendezvous_of_too_many, {.cpus = 2}) {
    Rendezvous meeting(static_cast<std::uint32_t>(parameter("meeting", 3)));
    meeting.meet();
}

constinit Rendezvous static_meeting(3);

GUEST_TEST(mistakes, static_rendezvous_of_too_many, {.cpus = 2}) { static_meeting.meet(); }

/// More than any stack has room for.
constexpr std::uint64_t too_deep = 1'000'000;

/// Frames of `bytes` and a little more.
template <std::size_t bytes>
[[gnu::noinline]] std::uint64_t recurse_too_deep(std::uint64_t depth) {
    std::uint8_t frame[bytes];
    asm volatile("" : : "r"(frame) : "memory");
    const std::uint64_t result = depth == too_deep ? 0 : recurse_too_deep<bytes>(depth + 1);
    asm volatile("" : : "r"(frame) : "memory");
    return result + depth;
}

GUEST_TEST(mistakes, stack_overflow) { GUEST_LOG("{}", recurse_too_deep<8>(0)); }

/// Steps over a page at a time; without a touch of each it would land in another stack.
GUEST_TEST(mistakes, stack_overflow_by_large_frames) {
    GUEST_LOG("{}", recurse_too_deep<12000>(0));
}

GUEST_TEST(mistakes, stack_overflow_of_second_cpu, {.cpus = 2}) {
    Rendezvous meeting(2);
    run_on_cpus(2, [&](std::uint32_t cpu) {
        if (cpu == 1) {
            GUEST_LOG("{}", recurse_too_deep<100>(0));
        }
        meeting.meet();
    });
}

GUEST_TEST(mistakes, stack_overflow_in_interrupt_handler) {
    set_interrupt_handler(test_vector,
                          [](TrapFrame& frame) { frame.rax = recurse_too_deep<100>(0); });
    apic::send_to_self(test_vector);
    for (;;) {
        pause();
    }
}

GUEST_TEST(mistakes, stack_overflow_in_nmi_handler) {
    set_interrupt_handler(2, [](TrapFrame& frame) { frame.rax = recurse_too_deep<100>(0); });
    apic::send_nmi(0);
    for (;;) {
        pause();
    }
}

/// On the stack that interrupts from user mode come in on.
GUEST_TEST(mistakes, stack_overflow_in_interrupt_of_user_mode) {
    set_interrupt_handler(test_vector, [](TrapFrame& frame) {
        if (frame.from_user()) {
            frame.rax = recurse_too_deep<100>(0);
        }
    });
    timer::start(test_vector, 1000);
    run_user(spin_in_user_mode).value();
}

GUEST_TEST(mistakes, stack_overflow_in_double_fault_handler) {
    set_interrupt_handler(8, [](TrapFrame& frame) { frame.rax = recurse_too_deep<100>(0); });
    GUEST_LOG("{}", recurse_too_deep<100>(0));
}

GUEST_TEST(mistakes, stack_overflow_in_scope) {
    GUEST_EXPECT(!catch_trap([] { GUEST_LOG("{}", recurse_too_deep<100>(0)); }));
}

GUEST_USER std::uint64_t recurse_in_user_mode(std::uint64_t depth, std::uint64_t) {
    const std::uint64_t result = depth == too_deep ? 0 : recurse_in_user_mode(depth + 1, 0);
    asm volatile("");
    return result + depth;
}

GUEST_TEST(mistakes, stack_overflow_in_user_mode) {
    static_cast<void>(run_user(recurse_in_user_mode));
}

GUEST_USER std::uint64_t large_frame_in_user_mode(std::uint64_t, std::uint64_t) {
    std::uint8_t frame[3 * 4096];
    asm volatile("" : : "r"(frame) : "memory");
    return 0;
}

GUEST_TEST(mistakes, large_frame_in_user_mode) {
    static_cast<void>(run_user(large_frame_in_user_mode));
}

GUEST_USER std::uint64_t call_kernel(std::uint64_t, std::uint64_t) {
    const std::uint64_t count = cpu_count();
    return count + 1;
}

GUEST_TEST(mistakes, user_calls_kernel) { run_user(call_kernel).value(); }

constinit std::uint64_t kernel_variable = 7;

GUEST_USER std::uint64_t read_kernel(std::uint64_t, std::uint64_t) {
    return *static_cast<volatile std::uint64_t*>(&kernel_variable);
}

GUEST_USER std::uint64_t write_kernel(std::uint64_t, std::uint64_t) {
    *static_cast<volatile std::uint64_t*>(&kernel_variable) = 8;
    return 0;
}

GUEST_USER std::uint64_t read_literal(std::uint64_t, std::uint64_t) {
    const volatile char* text = "a literal of the kernel image";
    return static_cast<std::uint64_t>(text[2]);
}

GUEST_TEST(mistakes, user_reads_kernel) { run_user(read_kernel).value(); }
GUEST_TEST(mistakes, user_writes_kernel) { run_user(write_kernel).value(); }
GUEST_TEST(mistakes, user_reads_literal) { run_user(read_literal).value(); }

GUEST_USER std::uint64_t log_in_user_mode(std::uint64_t value, std::uint64_t) {
    GUEST_LOG("{}", value);
    return 0;
}

GUEST_USER std::uint64_t expect_in_user_mode(std::uint64_t value, std::uint64_t) {
    GUEST_EXPECT(value == 1);
    return 0;
}

GUEST_USER std::uint64_t initialize_in_user_mode(std::uint64_t value, std::uint64_t) {
    static const std::uint64_t kept = value + 1;
    return kept;
}

GUEST_TEST(mistakes, user_logs) { run_user(log_in_user_mode, 2).value(); }
GUEST_TEST(mistakes, user_expects) { run_user(expect_in_user_mode, 2).value(); }
GUEST_TEST(mistakes, user_initializes) { run_user(initialize_in_user_mode, 2).value(); }

GUEST_TEST(mistakes, hang_in_work, {.cpus = 2}) {
    run_on_cpus(2, [](std::uint32_t cpu) {
        if (cpu == 1) {
            spin_forever();
        }
    });
}

GUEST_TEST(mistakes, hang_in_rendezvous, {.cpus = 4}) {
    Rendezvous meeting(4);
    run_on_cpus(4, [&](std::uint32_t cpu) {
        if (cpu == 2) {
            spin_forever();
        }
        meeting.meet();
    });
}

/// vCPU 0 never gets the lock, for vCPU 1 keeps it.
GUEST_TEST(mistakes, hang_behind_lock, {.cpus = 2}) {
    static constinit Spinlock lock;
    Rendezvous meeting(2);
    run_on_cpus(2, [&](std::uint32_t cpu) {
        if (cpu == 1) {
            lock.lock();
            meeting.meet();
            spin_forever();
        }
        meeting.meet();
        lock.lock();
    });
}

/// As in a VM that has more vCPUs than the test uses.
GUEST_TEST(mistakes, hang_in_rendezvous_of_some, {.cpus = 4}) {
    Rendezvous meeting(3);
    run_on_cpus(3, [&](std::uint32_t cpu) {
        if (cpu == 2) {
            spin_forever();
        }
        meeting.meet();
    });
}

GUEST_TEST(mistakes, one_too_many_in_rendezvous, {.cpus = 4}) {
    Rendezvous meeting(2);
    std::atomic<std::uint32_t> gone{0};
    run_on_cpus(3, [&](std::uint32_t cpu) {
        while (cpu == 2 && gone.load() != 2) {
            pause();
        }
        meeting.meet();
        gone.fetch_add(1);
    });
}

/// Nobody spins: two of three have come, and vCPU 2 was never asked to.
GUEST_TEST(mistakes, hang_without_work, {.cpus = 3}) {
    Rendezvous meeting(3);
    run_on_cpus(2, [&](std::uint32_t) { meeting.meet(); });
}

}  // namespace
}  // namespace nestbed::guest
