#include "vmm/pc/start_state.hpp"

#include "shared/arch/control.hpp"

namespace nestbed::vmm {

namespace {

// Types of segments (SDM Vol. 3A tables 3-1 and 3-2).
constexpr std::uint8_t read_write = 3;  // accessed, as all of them are
constexpr std::uint8_t execute_read = 11;
constexpr std::uint8_t busy_tss = 11;
constexpr std::uint8_t ldt = 2;

kvm_segment code_or_data(std::uint16_t selector, std::uint8_t type) {
    kvm_segment segment{};
    segment.selector = selector;
    segment.base = std::uint64_t{selector} << 4;
    segment.limit = 0xFFFF;
    segment.type = type;
    segment.present = 1;
    segment.s = 1;
    return segment;
}

kvm_segment flat(std::uint16_t selector, std::uint8_t type) {
    kvm_segment segment = code_or_data(selector, type);
    segment.base = 0;
    segment.limit = 0xFFFF'FFFF;
    segment.db = 1;
    segment.g = 1;
    return segment;
}

kvm_segment of_the_system(std::uint8_t type) {
    kvm_segment segment{};
    segment.limit = 0xFFFF;
    segment.type = type;
    segment.present = 1;
    return segment;
}

void set_all_data(kvm_sregs& special, const kvm_segment& segment) {
    special.ds = special.es = special.fs = special.gs = special.ss = segment;
}

/// Without paging, and without 64-bit mode.
kvm_sregs reset_special_registers(const kvm::Vcpu& vcpu) {
    kvm_sregs special = vcpu.special_registers();  // for the local APIC's base
    special.cr0 = arch::cr0::et;
    special.cr2 = special.cr3 = special.cr4 = special.cr8 = special.efer = 0;
    special.gdt = {.base = 0, .limit = 0xFFFF, .padding = {}};
    special.idt = {.base = 0, .limit = 0xFFFF, .padding = {}};
    special.tr = of_the_system(busy_tss);
    special.ldt = of_the_system(ldt);
    return special;
}

}  // namespace

void set_multiboot_state(kvm::Vcpu& vcpu, std::uint32_t entry, std::uint32_t information) {
    constexpr std::uint32_t loader_magic = 0x2BAD'B002;
    constexpr std::uint16_t code = 0x8;
    constexpr std::uint16_t data = 0x10;
    kvm_sregs special = reset_special_registers(vcpu);
    special.cr0 |= arch::cr0::pe;
    special.cs = flat(code, execute_read);
    set_all_data(special, flat(data, read_write));
    vcpu.set_special_registers(special);

    kvm_regs registers{};
    registers.rax = loader_magic;
    registers.rbx = information;
    registers.rip = entry;
    registers.rflags = arch::rflags::reserved_one;
    vcpu.set_registers(registers);
}

void set_real_mode_state(kvm::Vcpu& vcpu, std::uint16_t segment, std::uint16_t offset) {
    kvm_sregs special = reset_special_registers(vcpu);
    special.cs = code_or_data(segment, execute_read);
    set_all_data(special, code_or_data(0, read_write));
    vcpu.set_special_registers(special);

    kvm_regs registers{};
    registers.rip = offset;
    registers.rflags = arch::rflags::reserved_one;
    vcpu.set_registers(registers);
}

}  // namespace nestbed::vmm
