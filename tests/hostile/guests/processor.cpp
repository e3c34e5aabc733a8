// Guests that break the processor under themselves.

#include "guest/kernel/apic.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/trap_scope.hpp"
#include "guest/kernel/user.hpp"
#include "shared/arch/control.hpp"
#include "shared/arch/descriptors.hpp"
#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;
using arch::DescriptorTablePointer;

/// Bit 63 of an entry.
constexpr std::uint64_t no_execute = std::uint64_t{1} << 63;

void load_idt(std::uint64_t base, std::uint16_t limit) {
    const DescriptorTablePointer table{limit, base};
    asm volatile("lidt %0" : : "m"(table) : "memory");
}
void load_gdt(std::uint64_t base, std::uint16_t limit) {
    const DescriptorTablePointer table{limit, base};
    asm volatile("lgdt %0" : : "m"(table) : "memory");
}
void undefined() { asm volatile("ud2"); }

// Descriptor tables.

GUEST_TEST(processor, idt_of_nothing) { load_idt(0, 0), undefined(); }
GUEST_TEST(processor, idt_not_mapped) { load_idt(unmapped, 0xFFFF), undefined(); }
GUEST_TEST(processor, idt_not_canonical) { load_idt(non_canonical, 0xFFFF), undefined(); }
GUEST_TEST(processor, idt_in_mmio) {
    map_page(unmapped, mmio_hole);
    load_idt(unmapped, 0xFFF), undefined();
}
GUEST_TEST(processor, idt_of_code) { load_idt(channel::layout::kernel_image, 0xFFF), undefined(); }
GUEST_TEST(processor, idt_whose_gates_lead_back) {
    // Each handler is an instruction that traps: a fault while no fault can be delivered.
    alignas(16) static arch::InterruptGate gates[32];
    for (auto& gate : gates) {
        gate = arch::InterruptGate::to(reinterpret_cast<std::uint64_t>(&undefined));
    }
    load_idt(address_of(gates), sizeof gates - 1), undefined();
}
GUEST_TEST(processor, gdt_of_nothing) {
    load_gdt(0, 0);
    asm volatile("mov %w0, %%ds" : : "r"(arch::selector::kernel_data));
}
GUEST_TEST(processor, gdt_of_nothing_and_an_interrupt) {
    load_gdt(0, 0);
    undefined();
}
GUEST_TEST(processor, gdt_not_canonical) {
    load_gdt(non_canonical, 0xFFFF);
    asm volatile("mov %w0, %%ss" : : "r"(arch::selector::kernel_data));
}
GUEST_TEST(processor, task_register_of_code) {
    asm volatile("ltr %w0" : : "r"(arch::selector::kernel_code));
}
GUEST_TEST(processor, tss_of_ones) {
    this_cpu().tss = {};
    for (std::uint64_t n = 0; n < 7; ++n) {
        this_cpu().tss.ist[n] = ~std::uint64_t{0};
    }
    this_cpu().tss.rsp[0] = non_canonical;
    apic::send_nmi(0);  // on a stack that is none
    spin();
}
GUEST_TEST(processor, gs_nowhere, {.timeout = 1}) {
    write_msr(arch::msr::gs_base, unmapped);
    store(unmapped, 1);  // whose handler looks for its CPU
}
GUEST_TEST(processor, gs_in_mmio) {
    map_page(unmapped, mmio_hole);
    write_msr(arch::msr::gs_base, unmapped);
    undefined();
}

// Faults in faults.

GUEST_TEST(processor, double_fault) {
    // Page fault with no mapped stack to take it on.
    asm volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(unmapped) : "memory");
    __builtin_unreachable();
}
GUEST_TEST(processor, triple_fault) {
    this_cpu().tss.ist[double_fault_stack - 1] = unmapped;
    asm volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(unmapped) : "memory");
    __builtin_unreachable();
}
GUEST_TEST(processor, stack_not_canonical) {
    asm volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(non_canonical) : "memory");
    __builtin_unreachable();
}
GUEST_TEST(processor, stack_in_mmio) {
    map_page(unmapped, mmio_hole);
    asm volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(unmapped + 4096) : "memory");
    __builtin_unreachable();
}
GUEST_TEST(processor, stack_at_the_start_of_addresses) {
    asm volatile("mov %0, %%rsp\n\tpush %%rax" : : "r"(0L) : "memory");
    __builtin_unreachable();
}
GUEST_TEST(processor, faults_in_its_fault_handler, {.timeout = 1}) {
    set_interrupt_handler(14, [](TrapFrame&) { store(unmapped, 1); });
    store(unmapped, 1);
}
GUEST_TEST(processor, faults_for_ever, {.timeout = 1}) {
    set_interrupt_handler(14, [](TrapFrame&) {});
    store(unmapped, 1);
}
GUEST_TEST(processor, code_not_mapped) { pointer<void()>(unmapped)(); }
GUEST_TEST(processor, code_in_mmio) {
    map_page(unmapped, mmio_hole);
    pointer<void()>(unmapped)();
}
GUEST_TEST(processor, code_in_a_hole) {
    map_page(unmapped, hole);
    pointer<void()>(unmapped)();
}
GUEST_TEST(processor, code_that_is_its_stack) {
    alignas(4096) static std::uint64_t page[512];
    entry_of(address_of(page), 1) &= ~no_execute;
    flush_tlb();
    asm volatile("mov %0, %%rsp\n\tcall *%0" : : "r"(address_of(page[256])) : "memory");
    __builtin_unreachable();
}

// Hanging, in each way that there is.

GUEST_TEST(processor, jumps_to_itself, {.timeout = 1}) { asm volatile("1: jmp 1b"); }
GUEST_TEST(processor, jumps_to_itself_without_interrupts, {.timeout = 1}) {
    asm volatile("cli\n1: jmp 1b");
}
GUEST_TEST(processor, halts_without_interrupts, {.timeout = 1}) { asm volatile("cli\n\thlt"); }
GUEST_TEST(processor, halts_on_all_cpus, {.cpus = 2, .timeout = 1}) {
    run_on_cpus(2, [](std::uint32_t) { halt_forever(); });
}
GUEST_TEST(processor, spins_on_all_cpus, {.cpus = 2, .timeout = 1}) {
    run_on_cpus(2, [](std::uint32_t) {
        disable_interrupts();
        spin();
    });
}
GUEST_USER std::uint64_t spin_in_user_mode(std::uint64_t, std::uint64_t) {
    for (;;) {
        asm volatile("");
    }
}
GUEST_TEST(processor, spins_in_user_mode_on_all_cpus, {.cpus = 2, .timeout = 1}) {
    run_on_cpus(2, [](std::uint32_t) { static_cast<void>(run_user(spin_in_user_mode)); });
}
GUEST_TEST(processor, repeats_a_string_for_ever, {.timeout = 1}) {
    std::uint64_t to = channel::layout::direct_map + boot_info().free_memory;
    for (;;) {
        std::uint64_t at = to;
        std::uint64_t count = 1 << 18;
        asm volatile("rep stosq" : "+D"(at), "+c"(count) : "a"(0) : "memory");
    }
}

// Other modes.

GUEST_TEST(processor, paging_off_in_64_bit_mode) {
    write_cr0(read_cr0() & ~std::uint64_t{arch::cr0::pg});
}
GUEST_TEST(processor, physical_extension_off) { write_cr4(read_cr4() & ~std::uint64_t{1U << 5}); }
GUEST_TEST(processor, long_mode_off) { write_msr(0xC000'0080, 0); }
GUEST_TEST(processor, caches_off) { write_cr0(read_cr0() | 3U << 29); }
GUEST_TEST(processor, every_bit_of_cr0) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        static_cast<void>(catch_trap([=] { write_cr0(read_cr0() | std::uint64_t{1} << bit); }));
    }
}
GUEST_TEST(processor, every_bit_of_cr4) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        static_cast<void>(catch_trap([=] { write_cr4(read_cr4() ^ std::uint64_t{1} << bit); }));
    }
}
GUEST_TEST(processor, compatibility_mode, {.timeout = 1}) {
    // 32-bit code at an address that such code cannot have: where it is cut off there is nothing.
    alignas(8) static std::uint64_t gdt[4] = {0, 0x00CF'9B00'0000'FFFF, 0x00CF'9300'0000'FFFF, 0};
    load_gdt(address_of(gdt), sizeof gdt - 1);
    asm volatile("push $8\n\tpush $0x400000\n\tlretq");
    __builtin_unreachable();
}

void send_icr(std::uint32_t cpu, std::uint64_t command) {
    write_msr(arch::msr::x2apic_icr, apic::icr::destination(cpu) | command);
}
constexpr std::uint64_t init = 5U << 8 | 1U << 14;
constexpr std::uint64_t startup = 6U << 8 | 1U << 14;
constexpr std::uint64_t system_management = 2U << 8 | 1U << 14;

GUEST_TEST(processor, init_to_itself, {.timeout = 1}) {
    send_icr(0, init);
    spin();
}
GUEST_TEST(processor, init_to_all_others, {.cpus = 2, .timeout = 1}) {
    for (std::uint32_t cpu = 1; cpu < 2; ++cpu) {
        send_icr(cpu, init);
    }
    start_on(1, {[](void*) {}, nullptr});
    wait_for(1);
}
GUEST_TEST(processor, starts_in_real_mode, {.cpus = 2, .timeout = 1}) {
    *pointer<std::uint16_t>(channel::layout::direct_map + 0x8000) = 0xFEEB;  // jmp to itself
    send_icr(1, init);
    send_icr(1, startup | 8);
    spin();
}
GUEST_TEST(processor, calls_from_real_mode, {.cpus = 2, .timeout = 1}) {
    // mov dx, doorbell; rep outsb; hlt
    constexpr std::uint8_t code[] = {0xBA, 0xE0, 0x05, 0xB9, 0xFF, 0xFF, 0xF3, 0x6E, 0xF4};
    for (std::uint64_t n = 0; n < sizeof code; ++n) {
        pointer<std::uint8_t>(channel::layout::direct_map + 0x8000)[n] = code[n];
    }
    send_icr(1, init);
    send_icr(1, startup | 8);
    spin();
}
GUEST_TEST(processor, system_management_interrupt, {.timeout = 1}) {
    send_icr(0, system_management);
    spin();
}
GUEST_TEST(processor, system_management_of_all, {.cpus = 2, .timeout = 1}) {
    for (std::uint32_t cpu = 0; cpu < 2; ++cpu) {
        send_icr(cpu, system_management);
    }
    spin();
}

// Registers that a kernel leaves alone.

GUEST_TEST(processor, reads_model_specific_registers, {.timeout = 60}) {
    for (const std::uint32_t base :
         {0U, 0x800U, 0xC000'0080U, 0xC001'0000U, 0x4B56'4D00U, 0x4000'0000U, 0xFFFF'FFF0U}) {
        for (std::uint32_t n = 0; n < 128; ++n) {
            static_cast<void>(catch_trap([=] { static_cast<void>(read_msr(base + n)); }));
        }
    }
}
GUEST_TEST(processor, writes_model_specific_registers, {.timeout = 60}) {
    std::uint64_t state = parameter("seed", 1);
    for (const std::uint32_t base :
         {0U, 0x170U, 0x1A0U, 0x200U, 0x390U, 0x480U, 0xC000'0080U, 0xC001'0000U}) {
        for (std::uint32_t n = 0; n < 24; ++n) {
            // Not the clock, EFER and the bases: what is left afterwards is to say so.
            const std::uint32_t msr = base + n;
            const bool is_needed = msr == 0x10 || msr == 0x1B || (msr >> 8) == 0xC00000;
            state = state * 6364136223846793005 + 1442695040888963407;
            if (!is_needed) {
                static_cast<void>(catch_trap([=] { write_msr(msr, state); }));
            }
        }
    }
}
GUEST_TEST(processor, writes_every_kvm_register) {
    // Clocks, steal time and the like: KVM writes to where these point.
    for (std::uint32_t msr :
         {0x4B56'4D00U, 0x4B56'4D01U, 0x4B56'4D02U, 0x4B56'4D03U, 0x4B56'4D04U, 0x4B56'4D05U,
          0x4B56'4D06U, 0x4B56'4D07U, 0x4B56'4D08U, 0x11U, 0x12U}) {
        for (const std::uint64_t value :
             {~std::uint64_t{0}, hole | 1, mmio_hole | 1, boot_info().free_memory_end - 4 + 1,
              std::uint64_t{1}, std::uint64_t{0}}) {
            static_cast<void>(catch_trap([=] { write_msr(msr, value); }));
        }
    }
}
GUEST_TEST(processor, debug_registers, {.timeout = 1}) {
    const std::uint64_t here = reinterpret_cast<std::uint64_t>(&spin_in_user_mode);
    asm volatile(
        "mov %0, %%dr0\n\tmov %0, %%dr1\n\tmov %0, %%dr2\n\tmov %0, %%dr3\n\t"
        "mov %1, %%dr7"
        :
        : "r"(here), "r"(0xFFFF'07FFUL & ~0x2000UL));
    static_cast<void>(run_user(spin_in_user_mode));
    spin();
}
GUEST_TEST(processor, steps_through_the_kernel, {.timeout = 1}) {
    set_interrupt_handler(1, [](TrapFrame& frame) { frame.rflags |= 1U << 8; });
    write_flags(read_flags() | 1U << 8);
    for (std::uint64_t n = 0; n < 100; ++n) {
        pause();
    }
}
GUEST_TEST(processor, moves_its_local_apic) {
    static_cast<void>(catch_trap([] { write_msr(0x1B, hole | 1U << 11); }));
    static_cast<void>(catch_trap([] { write_msr(0x1B, 0); }));
    apic::send_to_self(0x55);
}
GUEST_TEST(processor, hypercalls) {
    for (std::uint64_t number = 0; number < 16; ++number) {
        for (const std::uint64_t argument : {std::uint64_t{0}, ~std::uint64_t{0}, hole}) {
            static_cast<void>(catch_trap([=] {
                std::uint64_t result = number;
                asm volatile("vmcall"
                             : "+a"(result)
                             : "b"(argument), "c"(argument), "d"(argument), "S"(argument)
                             : "memory");
            }));
        }
    }
}

// Code that changes.

GUEST_TEST(processor, code_written_while_it_runs, {.cpus = 2, .timeout = 1}) {
    alignas(4096) static std::uint8_t code[4096];
    entry_of(address_of(code), 1) &= ~no_execute;
    flush_tlb();
    code[0] = 0xEB;
    code[1] = 0xFE;
    start_on(1, {[](void*) {
                     for (std::uint8_t n = 0;; ++n) {
                         reinterpret_cast<volatile std::uint8_t&>(code[1]) = n;
                     }
                 },
                 nullptr});
    pointer<void()>(address_of(code))();
    spin();
}

}  // namespace
}  // namespace nestbed::guest
