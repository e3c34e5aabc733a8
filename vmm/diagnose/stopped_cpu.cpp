#include "vmm/diagnose/stopped_cpu.hpp"

#include <fmt/format.h>

#include "shared/arch/control.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::size_t longest_message = 1024;

/// The kernel half is in every address space, so the tables that the VMM made show it, whatever
/// became of the vCPU's own.
std::string message_at(const Machine& machine, std::uint64_t address) {
    const VirtualMemory memory(machine.memory(), machine.boot_root());
    return memory.read_string(address, longest_message)
        .value_or(fmt::format("<no message at {:#x}>", address));
}

}  // namespace

bool StoppedCpu::is_reset() const { return (state.special.cr0 & arch::cr0::pe) == 0; }

StoppedCpu look_at(const Machine& machine, std::uint32_t index) {
    const kvm::Vcpu& vcpu = machine.vcpu(index);
    StoppedCpu cpu{.index = index,
                   .state = {vcpu.registers(), vcpu.special_registers()},
                   .mp_state = vcpu.mp_state(),
                   .trap = std::nullopt,
                   .panic = std::nullopt};
    const auto report =
        machine.memory().read<channel::PanicReport>(machine.shared_pages().panic_reports[index]);
    if (report && report->has_trap == 1) {
        cpu.trap = report->trap;
        cpu.state = state_at_trap(cpu.state, *report);
    }
    if (report && report->message) {
        cpu.panic = message_at(machine, report->message.address);
    }
    return cpu;
}

std::string activity_text(const StoppedCpu& cpu) {
    switch (cpu.mp_state) {
        case KVM_MP_STATE_HALTED:
            return (cpu.state.general.rflags & arch::rflags::interrupt) != 0
                       ? "halted, interrupts on"
                       : "halted, interrupts off: only an NMI can wake it";
        case KVM_MP_STATE_UNINITIALIZED:
        case KVM_MP_STATE_INIT_RECEIVED:
        case KVM_MP_STATE_SIPI_RECEIVED:
            return "waiting for INIT and SIPI";
        default:
            return cpu.state.privilege_level() == 3 ? "running in user mode"
                                                    : "running in kernel mode";
    }
}

}  // namespace nestbed::vmm
