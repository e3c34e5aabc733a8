// The states in which a PC's vCPU begins: handed over by a boot loader, or reset.
#pragma once

#include <cstdint>

#include "vmm/kvm/vcpu.hpp"

namespace nestbed::vmm {

/// As the Multiboot Specification 0.6.96 has it (3.2, "Machine state"): 32-bit protected mode, flat
/// segments, no paging, interrupts off.
void set_multiboot_state(kvm::Vcpu& vcpu, std::uint32_t entry, std::uint32_t information);

/// As after a reset (SDM Vol. 3A table 9-1), but at `segment`:`offset`. On the vCPU's own thread,
/// or before it runs.
void set_real_mode_state(kvm::Vcpu& vcpu, std::uint16_t segment, std::uint16_t offset);

}  // namespace nestbed::vmm
