#include "guest/kernel/cpu.hpp"

#include "guest/kernel/apic.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "shared/arch/msr.hpp"

namespace nestbed::guest {

static_assert(MAX_CPUS == channel::max_cpus);

constinit Cpu cpu_areas[channel::max_cpus]{};
TrapStacks trap_stacks[channel::max_cpus];

namespace {

/// One GDT for all CPUs: the flat segments, then each CPU's TSS.
struct Gdt {
    std::uint64_t segments[8] = {0,
                                 0,
                                 arch::descriptor::kernel_code,
                                 arch::descriptor::kernel_data,
                                 0,
                                 arch::descriptor::user_data,
                                 arch::descriptor::user_code,
                                 0};
    arch::TssDescriptor tss[channel::max_cpus] = {};
};
constinit Gdt gdt;
static_assert(arch::selector::tss(0) == sizeof(gdt.segments));

template <std::size_t size>
std::uint64_t top_of(GuardedStack<size>& stack) {
    return reinterpret_cast<std::uint64_t>(stack.memory) + size;
}

void load_task_register(Cpu& cpu) {
    TrapStacks& stacks = trap_stacks[cpu.index];
    cpu.tss.rsp[0] = top_of(stacks.from_user);
    cpu.tss.ist[nmi_stack - 1] = top_of(stacks.nmi);
    cpu.tss.ist[double_fault_stack - 1] = top_of(stacks.double_fault);
    gdt.tss[cpu.index] = arch::tss_descriptor(reinterpret_cast<std::uint64_t>(&cpu.tss));

    const arch::DescriptorTablePointer pointer{sizeof(gdt) - 1,
                                               reinterpret_cast<std::uint64_t>(&gdt)};
    asm volatile("lgdt %0" : : "m"(pointer) : "memory");
    asm volatile("ltr %w0" : : "r"(arch::selector::tss(cpu.index)) : "memory");
}

}  // namespace

void initialize_cpu(std::uint32_t index, const channel::BootInfo& boot) {
    Cpu& cpu = cpu_areas[index];
    cpu.self = &cpu;
    cpu.index = index;
    cpu.panic_report = boot.cpus[index].panic;
    cpu.records.attach(*boot.cpus[index].ring, static_cast<std::uint8_t>(index));
    write_msr(arch::msr::gs_base, reinterpret_cast<std::uint64_t>(&cpu));
    load_task_register(cpu);
    load_interrupt_table();
    apic::enable();
}

}  // namespace nestbed::guest
