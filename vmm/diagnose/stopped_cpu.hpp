// What one vCPU was doing when its VM was stopped, as far as the VMM can tell.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "shared/channel/panic_report.hpp"
#include "vmm/diagnose/cpu_state.hpp"
#include "vmm/platform/machine.hpp"

namespace nestbed::vmm {

struct StoppedCpu {
    std::uint32_t index;
    /// Of the code that trapped, if `trap` is there; otherwise as KVM has it.
    CpuState state;
    std::uint32_t mp_state;                  ///< KVM_MP_STATE_…
    std::optional<channel::TrapFrame> trap;  ///< the exception that its kernel gave up at
    std::optional<std::string> panic;        ///< or the words with which it did

    bool is_halted() const { return mp_state == KVM_MP_STATE_HALTED; }
    bool has_panicked() const { return trap || panic; }
    /// KVM on AMD resets a vCPU at a triple fault: its registers then say nothing about the guest.
    bool is_reset() const;
};

/// Throws Error if KVM does not hand out its registers.
StoppedCpu look_at(const Machine& machine, std::uint32_t index);

/// "running in user mode", "halted, interrupts on", …
std::string activity_text(const StoppedCpu& cpu);

}  // namespace nestbed::vmm
