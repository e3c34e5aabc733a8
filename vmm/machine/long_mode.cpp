#include "vmm/machine/long_mode.hpp"

#include <algorithm>

#include "shared/arch/control.hpp"
#include "shared/arch/cpuid.hpp"
#include "shared/arch/descriptors.hpp"
#include "shared/arch/msr.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t apic_physical = 0xFEE0'0000;

kvm_segment flat_segment(std::uint16_t selector, std::uint8_t type) {
    kvm_segment segment{};
    segment.selector = selector;
    segment.limit = 0xFFFF'FFFF;
    segment.type = type;
    segment.present = 1;
    segment.s = 1;
    segment.g = 1;
    return segment;
}

/// All zero if there is no such leaf.
kvm_cpuid_entry2 find(std::span<const kvm_cpuid_entry2> cpuid, std::uint32_t leaf) {
    const auto found = std::ranges::find_if(cpuid, [&](const kvm_cpuid_entry2& entry) {
        return entry.function == leaf && entry.index == 0;
    });
    return found == cpuid.end() ? kvm_cpuid_entry2{} : *found;
}

std::uint8_t flag(std::uint32_t value, std::uint32_t bit) { return (value & bit) != 0 ? 1 : 0; }

}  // namespace

void set_start_state(kvm::Vcpu& vcpu, const StartState& state) {
    kvm_sregs special = vcpu.special_registers();
    special.cs = flat_segment(arch::selector::kernel_code, 11);  // execute, read, accessed
    special.cs.l = 1;
    special.ds = flat_segment(arch::selector::kernel_data, 3);  // read, write, accessed
    special.ds.db = 1;
    special.es = special.fs = special.gs = special.ss = special.ds;
    special.cr0 = arch::cr0::pe | arch::cr0::mp | arch::cr0::et | arch::cr0::ne | arch::cr0::wp |
                  arch::cr0::am | arch::cr0::pg;
    special.cr3 = state.root;
    special.cr4 = arch::cr4::pae | arch::cr4::pge;
    special.efer = arch::efer::lme | arch::efer::lma | arch::efer::nxe;
    special.apic_base = apic_physical | arch::msr::apic_base_enable | arch::msr::apic_base_x2apic |
                        (state.cpu == 0 ? arch::msr::apic_base_bsp : 0);
    vcpu.set_special_registers(special);

    kvm_regs registers{};
    registers.rip = state.entry;
    registers.rdi = state.boot_info;
    registers.rsi = state.cpu;
    registers.rflags = arch::rflags::reserved_one;
    vcpu.set_registers(registers);

    // An AP would otherwise wait for INIT and SIPI.
    vcpu.set_runnable();
}

kvm::CpuidList cpuid_of(kvm::CpuidList supported, std::uint32_t cpu, std::uint32_t cpu_count) {
    for (kvm_cpuid_entry2& entry : supported) {
        switch (entry.function) {
            case arch::cpuid::leaf_features:
                // Initial APIC id in 31..24, logical processors in 23..16.
                entry.ebx = (entry.ebx & 0xFFFF) | cpu << 24 | cpu_count << 16;
                entry.ecx |= arch::cpuid::ecx_x2apic;
                if (cpu_count > 1) {
                    entry.edx |= arch::cpuid::edx_htt;
                }
                break;
            case arch::cpuid::leaf_topology:
            case arch::cpuid::leaf_topology_v2:
                entry.edx = cpu;
                break;
            case arch::cpuid::leaf_amd_topology:
                entry.eax = cpu;
                break;
            default:
                break;
        }
    }
    return supported;
}

channel::Features features_of(std::span<const kvm_cpuid_entry2> cpuid) {
    constexpr std::uint8_t least_physical_bits = 36;  // SDM: without leaf 80000008H
    const auto vendor = find(cpuid, arch::cpuid::leaf_vendor);
    const auto common = find(cpuid, arch::cpuid::leaf_features);
    const auto extended = find(cpuid, arch::cpuid::leaf_extended_features);
    const auto amd = find(cpuid, arch::cpuid::leaf_amd_features);
    const auto sizes = find(cpuid, arch::cpuid::leaf_address_sizes);
    return {.no_execute = flag(amd.edx, arch::cpuid::edx_no_execute),
            .page_1g = flag(amd.edx, arch::cpuid::edx_page_1g),
            .la57 = flag(extended.ecx, arch::cpuid::ecx_la57),
            .pcid = flag(common.ecx, arch::cpuid::ecx_pcid),
            .invpcid = flag(extended.ebx, arch::cpuid::ebx_invpcid),
            .smep = flag(extended.ebx, arch::cpuid::ebx_smep),
            .smap = flag(extended.ebx, arch::cpuid::ebx_smap),
            .pku = flag(extended.ecx, arch::cpuid::ecx_pku),
            .pks = flag(extended.ecx, arch::cpuid::ecx_pks),
            .max_physical_bits =
                sizes.function == 0 ? least_physical_bits : static_cast<std::uint8_t>(sizes.eax),
            .vendor = arch::cpuid::vendor_of(vendor.ebx, vendor.edx, vendor.ecx),
            .reserved = {}};
}

}  // namespace nestbed::vmm
