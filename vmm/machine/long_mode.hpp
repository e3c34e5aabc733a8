// The state in which every vCPU starts: 64-bit mode with paging on, at the guest's entry point.
#pragma once

#include <cstdint>
#include <span>

#include "shared/channel/boot_info.hpp"
#include "vmm/kvm/vcpu.hpp"

namespace nestbed::vmm {

struct StartState {
    std::uint32_t cpu;
    std::uint64_t entry;      ///< guest linear address
    std::uint64_t root;       ///< guest physical address of the PML4
    std::uint64_t boot_info;  ///< guest linear address, handed over in RDI
};

/// Sets registers; the CPU's index is handed over in RSI.
void set_start_state(kvm::Vcpu& vcpu, const StartState& state);

/// The CPUID of one vCPU: what KVM supports, with this CPU's APIC id and the VM's topology.
kvm::CpuidList cpuid_of(kvm::CpuidList supported, std::uint32_t cpu, std::uint32_t cpu_count);

/// What the guest is told about paging, from the same CPUID.
channel::Features features_of(std::span<const kvm_cpuid_entry2> cpuid);

}  // namespace nestbed::vmm
