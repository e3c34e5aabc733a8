// The CPUID leaves of Hyper-V's interface, as far as a PC has what is behind them.
#pragma once

#include "vmm/kvm/vcpu.hpp"

namespace nestbed::vmm {

/// Leaves out of KVM's list what works only for a VMM that has a debugger or has asked KVM for
/// more: the synthetic debugger, and enlightened VMCSs.
void limit_hyperv_leaves(kvm::CpuidList& list);

}  // namespace nestbed::vmm
