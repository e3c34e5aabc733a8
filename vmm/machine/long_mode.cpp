#include "vmm/machine/long_mode.hpp"

#include "shared/arch/control.hpp"
#include "shared/arch/cpuid.hpp"
#include "shared/arch/descriptors.hpp"
#include "shared/arch/msr.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint64_t apic_physical = 0xFEE0'0000;

kvm_segment code_segment() {
    kvm_segment segment{};
    segment.selector = arch::selector::kernel_code;
    segment.limit = 0xFFFF'FFFF;
    segment.type = 11;  // execute, read, accessed
    segment.present = 1;
    segment.s = 1;
    segment.l = 1;
    segment.g = 1;
    return segment;
}

kvm_segment data_segment() {
    kvm_segment segment{};
    segment.selector = arch::selector::kernel_data;
    segment.limit = 0xFFFF'FFFF;
    segment.type = 3;  // read, write, accessed
    segment.present = 1;
    segment.s = 1;
    segment.db = 1;
    segment.g = 1;
    return segment;
}

const kvm_cpuid_entry2* find(std::span<const kvm_cpuid_entry2> cpuid, std::uint32_t leaf) {
    for (const kvm_cpuid_entry2& entry : cpuid) {
        if (entry.function == leaf && entry.index == 0) {
            return &entry;
        }
    }
    return nullptr;
}

std::uint8_t flag(std::uint32_t value, std::uint32_t bit) { return (value & bit) != 0 ? 1 : 0; }

}  // namespace

void set_start_state(kvm::Vcpu& vcpu, const StartState& state) {
    kvm_sregs special = vcpu.special_registers();
    special.cs = code_segment();
    special.ds = special.es = special.fs = special.gs = special.ss = data_segment();
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

std::vector<kvm_cpuid_entry2> cpuid_of(std::span<const kvm_cpuid_entry2> supported,
                                       std::uint32_t cpu, std::uint32_t cpu_count) {
    std::vector<kvm_cpuid_entry2> entries(supported.begin(), supported.end());
    for (kvm_cpuid_entry2& entry : entries) {
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
    return entries;
}

channel::Features features_of(std::span<const kvm_cpuid_entry2> cpuid) {
    channel::Features features{};
    constexpr std::uint8_t least_physical_bits = 36;  // SDM: without leaf 80000008H
    features.max_physical_bits = least_physical_bits;
    if (const auto* leaf = find(cpuid, arch::cpuid::leaf_vendor)) {
        features.vendor = arch::cpuid::vendor_of(leaf->ebx, leaf->edx, leaf->ecx);
    }
    if (const auto* leaf = find(cpuid, arch::cpuid::leaf_features)) {
        features.pcid = flag(leaf->ecx, arch::cpuid::ecx_pcid);
    }
    if (const auto* leaf = find(cpuid, arch::cpuid::leaf_extended_features)) {
        features.smep = flag(leaf->ebx, arch::cpuid::ebx_smep);
        features.invpcid = flag(leaf->ebx, arch::cpuid::ebx_invpcid);
        features.smap = flag(leaf->ebx, arch::cpuid::ebx_smap);
        features.pku = flag(leaf->ecx, arch::cpuid::ecx_pku);
        features.la57 = flag(leaf->ecx, arch::cpuid::ecx_la57);
        features.pks = flag(leaf->ecx, arch::cpuid::ecx_pks);
    }
    if (const auto* leaf = find(cpuid, arch::cpuid::leaf_amd_features)) {
        features.no_execute = flag(leaf->edx, arch::cpuid::edx_no_execute);
        features.page_1g = flag(leaf->edx, arch::cpuid::edx_page_1g);
    }
    if (const auto* leaf = find(cpuid, arch::cpuid::leaf_address_sizes)) {
        features.max_physical_bits = static_cast<std::uint8_t>(leaf->eax);
    }
    return features;
}

}  // namespace nestbed::vmm
