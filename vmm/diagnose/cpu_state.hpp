// The registers of one vCPU at one moment, and what they say about its paging.
#pragma once

#include <linux/kvm.h>

#include <cstdint>

#include "shared/channel/boot_info.hpp"
#include "shared/channel/panic_report.hpp"
#include "shared/paging/access.hpp"
#include "shared/paging/frame.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

struct CpuState {
    kvm_regs general;
    kvm_sregs special;

    unsigned privilege_level() const { return special.cs.selector & 3; }
    /// 64-bit mode's paging: the only one that guests here use.
    bool has_long_mode_paging() const;
    paging::Frame4k root() const { return paging::root_of_cr3(special.cr3); }
    /// Memory as this vCPU's page tables show it.
    VirtualMemory memory(const GuestMemory& physical) const;
    /// What decides its accesses, beside the tables. Protection keys are left off: the VMM does not
    /// read PKRU and PKRS.
    paging::ControlState control_state(const channel::Features& features) const;
    paging::AccessMode access_mode() const {
        return privilege_level() == 3 ? paging::AccessMode::user : paging::AccessMode::supervisor;
    }
};

/// The state of the code that trapped: what the trap frame saved, and the rest as it is `now`,
/// since no handler here changes it.
CpuState state_at_trap(const CpuState& now, const channel::PanicReport& report);

}  // namespace nestbed::vmm
