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

}  // namespace

std::uint32_t cpu_count() { return boot_info().cpu_count; }

void require_cpus(std::uint64_t count) {
    if (count > cpu_count()) [[unlikely]] {
        panic_for_want_of_cpus();
    }
}

void start_on(std::uint32_t cpu, const Work& work) {
    require_cpu(cpu);
    if (cpu == 0) {
        panic("vCPU 0 runs the test and takes no work");
    }
    if (cpu_areas[cpu].work.load(std::memory_order_relaxed) != nullptr) {
        panic("work for a vCPU that has some: wait_for it first");
    }
    // Release: the CPU that finds the work sees what it works on.
    cpu_areas[cpu].work.store(&work, std::memory_order_release);
    apic::send_to_existing(cpu, wake_vector);
}

void wait_for(std::uint32_t cpu) {
    require_cpu(cpu);
    const WaitMark mark(channel::WaitKind::cpu, cpu, nullptr);
    while (cpu_areas[cpu].work.load(std::memory_order_acquire) != nullptr) {
        pause();
    }
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
        if (const Work* work = cpu.work.load(std::memory_order_acquire)) {
            enable_interrupts();
            work->function(work->argument);
            disable_interrupts();
            cpu.work.store(nullptr, std::memory_order_release);
        } else {
            wait_for_interrupt();
        }
    }
}

}  // namespace nestbed::guest
