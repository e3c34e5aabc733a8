// What one vCPU was doing when its VM was stopped, as far as the VMM can tell.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <optional>
#include <string>

#include "shared/arch/control.hpp"
#include "shared/arch/page_fault.hpp"
#include "shared/channel/boot_info.hpp"
#include "shared/channel/panic_report.hpp"
#include "shared/paging/access.hpp"
#include "shared/paging/frame.hpp"
#include "vmm/diagnose/stopped_machine.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

/// The registers of one vCPU at one moment, and what they say about its paging.
struct CpuState {
    kvm_regs general;
    kvm_sregs special;
    /// RIP is behind the instruction that stopped the vCPU here: IN, OUT, HLT, INT3, …
    bool rip_is_behind = false;

    /// A byte of the instruction that it is at.
    std::uint64_t code() const { return general.rip - (rip_is_behind ? 1 : 0); }
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

struct StoppedCpu {
    std::uint32_t index;
    /// Of the code that trapped, if `trap` is there; otherwise as KVM has it.
    CpuState state;
    std::uint32_t mp_state;                    ///< KVM_MP_STATE_…
    std::optional<channel::TrapFrame> trap{};  ///< the exception that its kernel gave up at
    std::optional<std::string> panic{};        ///< or the words with which it did

    bool is_halted() const { return mp_state == KVM_MP_STATE_HALTED; }
    bool has_panicked() const { return trap || panic; }
    /// KVM on AMD resets a vCPU at a triple fault: its registers then say nothing about the guest.
    bool is_reset() const { return (state.special.cr0 & arch::cr0::pe) == 0; }
    /// The error code, if the trap is a page fault.
    std::optional<arch::PageFaultError> page_fault() const;
};

/// Throws Error if KVM does not hand out its registers.
StoppedCpu look_at(const StoppedMachine& machine, std::uint32_t index);

/// The state of the code that trapped: what the trap frame saved, and the rest as it is `now`,
/// since no handler here changes it.
CpuState state_at_trap(const CpuState& now, const channel::PanicReport& report);

/// True if RIP is behind the instruction that raised `vector`, in the code at `rip`.
bool is_behind_trap(std::uint64_t vector, std::uint64_t rip, const VirtualMemory& memory);

/// True if the vCPU's last exit was an access that RIP is behind now.
bool is_behind_access(const kvm_run& run, const kvm_regs& registers, const VirtualMemory& memory);

/// "running in user mode", "halted, interrupts on", …
std::string activity_text(const StoppedCpu& cpu);

}  // namespace nestbed::vmm
