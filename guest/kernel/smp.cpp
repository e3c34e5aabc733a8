#include "guest/kernel/smp.hpp"

#include "guest/kernel/apic.hpp"
#include "guest/kernel/boot.hpp"
#include "guest/kernel/instructions.hpp"

namespace nestbed::guest {

namespace {

constinit std::atomic<std::uint32_t> online_application_processors{0};

}  // namespace

std::uint32_t cpu_count() { return boot_info().cpu_count; }

void start_on(std::uint32_t cpu, const Work& work) {
    // Release: the CPU that finds the work sees what it works on.
    cpu_areas[cpu].work.store(&work, std::memory_order_release);
    apic::send(cpu, wake_vector);
}

void wait_for(std::uint32_t cpu) {
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
