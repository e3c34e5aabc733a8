#include "guest/kernel/smp.hpp"

#include "guest/kernel/apic.hpp"
#include "guest/kernel/boot.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/panic.hpp"
#include "shared/paging/text.hpp"

namespace nestbed::guest {

namespace {

constinit std::atomic<std::uint32_t> online_application_processors{0};

/// Says how many vCPUs there are. The text is on the stack of a vCPU that stays here.
[[noreturn, gnu::cold, gnu::noinline]] void panic_for_want_of_cpus() {
    paging::Text<64> text;
    text.append("this test has ").append_decimal(cpu_count());
    text.append(cpu_count() == 1 ? " vCPU" : " vCPUs").append(": ask for more with .cpus");
    panic(text.c_str());
}

[[noreturn, gnu::cold, gnu::noinline]] void panic_for_work_of(std::uint32_t cpu) {
    paging::Text<64> text;
    text.append("vCPU ").append_decimal(cpu).append(" has work that was not waited for");
    panic(text.c_str());
}

}  // namespace

std::uint32_t cpu_count() { return boot_info().cpu_count; }

void require_cpus(std::uint64_t count) {
    if (count > cpu_count()) [[unlikely]] {
        panic_for_want_of_cpus();
    }
}

void start_on(std::uint32_t cpu, Work work) {
    require_cpu(cpu);
    if (cpu == 0) {
        panic("vCPU 0 runs the test and takes no work");
    }
    Cpu& worker = cpu_areas[cpu];
    // Acquire: that CPU has read its last work before this one is written over it. Done is not
    // enough: whether it is already would be a race.
    if (worker.work_state.load(std::memory_order_acquire) != WorkState::none) {
        panic("work for a vCPU that has some: wait_for it first");
    }
    worker.work = work;
    // Release: the CPU that finds the work sees what it works on.
    worker.work_state.store(WorkState::given, std::memory_order_release);
    apic::send_to_existing(cpu, wake_vector);
}

void wait_for(std::uint32_t cpu) {
    require_cpu(cpu);
    if (cpu == 0) {
        panic("vCPU 0 runs the test and takes no work: meet it in a Rendezvous");
    }
    if (cpu == this_cpu_index()) {
        panic("a vCPU that waits for its own work would never end: call wait_for on another one");
    }
    std::atomic<WorkState>& state = cpu_areas[cpu].work_state;
    const WaitMark mark(channel::WaitKind::cpu, cpu, nullptr);
    while (state.load(std::memory_order_acquire) == WorkState::given) {
        pause();
    }
    // Of two that wait for the same CPU, the later must not take away what it was given since.
    // Release: who gives it some sees that the last was read.
    auto done = WorkState::done;
    state.compare_exchange_strong(done, WorkState::none, std::memory_order_acq_rel);
}

void require_no_work() {
    for (std::uint32_t cpu = 1; cpu < cpu_count(); ++cpu) {
        if (cpu_areas[cpu].work_state.load(std::memory_order_acquire) != WorkState::none) {
            panic_for_work_of(cpu);
        }
    }
}

void panic_for_a_meeting_of_none() {
    panic("a Rendezvous of no vCPU: give it the number of those that meet");
}

void panic_for_a_run_on_none() {
    panic("run_on_cpus on no vCPU: it runs on vCPU 0, so 1 is the least");
}

void wait_for_application_processors() {
    while (online_application_processors.load(std::memory_order_acquire) + 1 != cpu_count()) {
        pause();
    }
}

void idle() {
    Cpu& cpu = this_cpu();
    disable_interrupts();
    online_application_processors.fetch_add(1, std::memory_order_release);
    for (;;) {
        // With interrupts off between the look and HLT, a wake-up that comes after the look stays
        // pending and ends the HLT at once.
        if (cpu.work_state.load(std::memory_order_acquire) == WorkState::given) {
            enable_interrupts();
            cpu.work.function(cpu.work.argument);
            disable_interrupts();
            cpu.work_state.store(WorkState::done, std::memory_order_release);
        } else {
            wait_for_interrupt();
        }
    }
}

}  // namespace nestbed::guest
