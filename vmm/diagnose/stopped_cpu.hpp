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
#include "vmm/diagnose/code_segment.hpp"
#include "vmm/diagnose/stopped_machine.hpp"
#include "vmm/memory/paging_state.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

/// The registers of one vCPU at one moment, and what they say about its mode.
struct CpuState {
    kvm_regs general;
    kvm_sregs special;
    /// RIP is behind the instruction that stopped the vCPU here: IN, OUT, HLT, INT3, …
    bool rip_is_behind = false;

    CodeSegment code_segment() const;
    std::uint64_t linear_rip() const { return code_segment().linear(general.rip); }
    /// A byte of the instruction that it is at.
    std::uint64_t code() const {
        return code_segment().linear(general.rip - (rip_is_behind ? 1 : 0));
    }
    /// The linear address of what is at `offset` in the stack segment, as RSP and RBP are.
    std::uint64_t on_stack(std::uint64_t offset) const;

    bool is_in_real_mode() const { return (special.cr0 & arch::cr0::pe) == 0; }
    bool is_in_virtual_8086_mode() const;
    unsigned privilege_level() const;

    PagingState paging() const;
    /// Memory as this vCPU sees it.
    VirtualMemory memory(const GuestMemory& physical) const { return {physical, paging()}; }
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
    bool waits_for_sipi() const;
    bool runs() const { return !is_halted() && !waits_for_sipi(); }
    bool has_panicked() const { return trap || panic; }
    /// It would begin at the reset vector. KVM on AMD resets a vCPU at a triple fault: its
    /// registers then say nothing about the guest.
    bool is_reset() const;
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
bool is_behind_access(const kvm_run& run, const CpuState& state, const VirtualMemory& memory);

/// "running in user mode", "halted, interrupts on", …
std::string activity_text(const StoppedCpu& cpu);

}  // namespace nestbed::vmm
