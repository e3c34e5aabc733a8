// Boot and per-CPU state.

#include <array>
#include <atomic>

#include "guest/harness/test.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/smp.hpp"
#include "shared/arch/control.hpp"
#include "shared/arch/cpuid.hpp"
#include "shared/arch/descriptors.hpp"
#include "shared/channel/layout.hpp"

namespace nestbed::guest {
namespace {

/// Does nothing: the unit of launch cost.
GUEST_TEST(boot, empty) {}

GUEST_TEST(boot, starts_in_64_bit_mode_with_paging) {
    constexpr std::uint64_t needed = arch::cr0::pe | arch::cr0::wp | arch::cr0::pg;
    GUEST_EXPECT_EQ(read_cr0() & needed, needed);
    GUEST_EXPECT_EQ(read_cr4() & arch::cr4::pae, arch::cr4::pae);
    std::uint16_t code_selector = 0;
    asm volatile("mov %%cs, %0" : "=r"(code_selector));
    GUEST_EXPECT_EQ(code_selector, arch::selector::kernel_code);
}

GUEST_TEST(boot, memory_map_is_usable) {
    const channel::BootInfo& boot = boot_info();
    GUEST_EXPECT_LT(boot.free_memory, boot.free_memory_end);
    GUEST_EXPECT_EQ(boot.free_memory % 4096, 0U);
    GUEST_EXPECT_EQ(boot.free_memory_end % 4096, 0U);
    auto* last =
        reinterpret_cast<std::uint64_t*>(channel::layout::direct_map + boot.free_memory_end) - 1;
    GUEST_EXPECT_EQ(*last, 0U);
    *last = 0x1234;
    GUEST_EXPECT_EQ(*last, 0x1234U);
}

GUEST_TEST(boot, every_cpu_has_its_own_state, {.cpus = 4}) {
    static std::array<std::uint32_t, channel::max_cpus> apic_ids;
    static std::array<std::uint64_t, channel::max_cpus> stacks;
    static std::array<const Cpu*, channel::max_cpus> areas;
    static std::array<std::uint16_t, channel::max_cpus> task_registers;
    run_on_cpus(cpu_count(), [](std::uint32_t cpu) {
        const int on_stack = 0;
        apic_ids[cpu] = apic::id();
        stacks[cpu] = reinterpret_cast<std::uint64_t>(&on_stack) / KERNEL_STACK_SIZE;
        areas[cpu] = &this_cpu();
        asm volatile("str %0" : "=r"(task_registers[cpu]));
    });
    for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
        GUEST_EXPECT_EQ(apic_ids[cpu], cpu);
        GUEST_EXPECT_EQ(areas[cpu]->index, cpu);
        GUEST_EXPECT_EQ(task_registers[cpu], arch::selector::tss(cpu));
        for (std::uint32_t other = 0; other < cpu; ++other) {
            GUEST_EXPECT_NE(stacks[cpu], stacks[other]);
            GUEST_EXPECT_NE(areas[cpu], areas[other]);
        }
    }
}

GUEST_TEST(boot, cpuid_agrees_with_the_apic, {.cpus = 2}) {
    static std::array<std::uint32_t, channel::max_cpus> initial_apic_ids;
    run_on_cpus(cpu_count(), [](std::uint32_t cpu) {
        initial_apic_ids[cpu] = cpuid(arch::cpuid::leaf_features).ebx >> 24;
    });
    for (std::uint32_t cpu = 0; cpu < cpu_count(); ++cpu) {
        GUEST_EXPECT_EQ(initial_apic_ids[cpu], cpu);
    }
}

GUEST_TEST(boot, a_rendezvous_lets_nobody_through_early, {.cpus = 3}) {
    static constinit std::atomic<std::uint32_t> arrived{0};
    static std::array<std::uint32_t, channel::max_cpus> missing;
    constexpr std::uint32_t rounds = 20;
    const std::uint32_t count = cpu_count();
    Rendezvous rendezvous(count);
    run_on_cpus(count, [&](std::uint32_t cpu) {
        for (std::uint32_t round = 1; round <= rounds; ++round) {
            arrived.fetch_add(1);
            rendezvous.meet();
            if (arrived.load() < round * count) {
                ++missing[cpu];
            }
            // Nobody starts the next round before all have looked.
            rendezvous.meet();
        }
    });
    for (std::uint32_t cpu = 0; cpu < count; ++cpu) {
        GUEST_EXPECT_EQ(missing[cpu], 0U);
    }
    GUEST_EXPECT_EQ(arrived.load(), rounds * count);
}

/// The work that is passed is gone when this returns.
[[gnu::noinline]] void start_to_count(std::atomic<std::uint32_t>& count) {
    start_on(1, Work{[](void* counter) {
                         static_cast<std::atomic<std::uint32_t>*>(counter)->fetch_add(1);
                     },
                     &count});
}

[[gnu::noinline]] void write_over_stack() {
    volatile std::uint64_t words[32];
    for (volatile std::uint64_t& word : words) {
        word = 0xDEAD;
    }
}

// vCPU 1 would call what is on the stack by then.
GUEST_TEST(boot, work_need_not_outlive_its_start, {.cpus = 2}) {
    constexpr std::uint32_t rounds = 100;
    static constinit std::atomic<std::uint32_t> count{0};
    for (std::uint32_t round = 0; round < rounds; ++round) {
        start_to_count(count);
        write_over_stack();
        wait_for(1);
    }
    GUEST_EXPECT_EQ(count.load(), rounds);
}

}  // namespace
}  // namespace nestbed::guest
