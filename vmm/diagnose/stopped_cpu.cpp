#include "vmm/diagnose/stopped_cpu.hpp"

#include <fmt/format.h>

#include <array>

#include "shared/arch/exceptions.hpp"

namespace nestbed::vmm {

namespace {

bool has(std::uint64_t value, std::uint64_t bits) { return (value & bits) == bits; }

/// What code of this size uses of a register, unless a prefix says otherwise.
std::uint64_t low_bits(std::uint64_t value, CodeSize size) {
    return size == CodeSize::bits_16   ? static_cast<std::uint16_t>(value)
           : size == CodeSize::bits_32 ? static_cast<std::uint32_t>(value)
                                       : value;
}

/// RIP stays at a string instruction with REP until its last round.
bool is_repeating(const CpuState& state, const VirtualMemory& memory) {
    constexpr std::size_t most_prefixes = 4;  // REP, operand size, address size, REX
    const CodeSize size = state.code_segment().size;
    const auto code = memory.read<std::array<std::uint8_t, most_prefixes + 1>>(state.linear_rip());
    if (!code || low_bits(state.general.rcx, size) == 0) {
        return false;
    }
    bool has_rep = false;
    for (const std::uint8_t byte : *code) {
        if (byte == 0xF2 || byte == 0xF3) {
            has_rep = true;
        } else if (byte != 0x66 && byte != 0x67 &&
                   (size != CodeSize::bits_64 || (byte & 0xF0) != 0x40)) {
            // INS, OUTS; MOVS; STOS, LODS
            return has_rep && ((byte & 0xFC) == 0x6C || (byte & 0xFE) == 0xA4 ||
                               (byte >= 0xAA && byte <= 0xAD));
        }
    }
    return false;
}

/// What the guest's kernel has reported, if it gave up.
void add_panic(StoppedCpu& cpu, const GuestMemory& memory, const SharedPages& shared) {
    const auto report = memory.read<channel::PanicReport>(shared.panic_reports[cpu.index]);
    if (report && report->has_trap == 1) {
        cpu.trap = report->trap;
        cpu.state = state_at_trap(cpu.state, *report);
        cpu.state.rip_is_behind =
            is_behind_trap(cpu.trap->vector, cpu.trap->rip, cpu.state.memory(memory));
    }
    if (report && report->message) {
        // The kernel half is in every address space, so the tables that the VMM made show it,
        // whatever became of the vCPU's own.
        constexpr std::size_t longest = 1024;
        const std::uint64_t address = report->message.address;
        cpu.panic = VirtualMemory(memory, shared.boot_root)
                        .read_string(address, longest)
                        .value_or(fmt::format("<no message at {:#x}>", address));
    }
}

}  // namespace

CodeSegment CpuState::code_segment() const {
    const bool is_64bit = has(special.efer, arch::efer::lma) && special.cs.l != 0;
    return {is_64bit             ? CodeSize::bits_64
            : special.cs.db != 0 ? CodeSize::bits_32
                                 : CodeSize::bits_16,
            special.cs.base};
}

std::uint64_t CpuState::on_stack(std::uint64_t offset) const {
    if (code_segment().size == CodeSize::bits_64) {
        return offset;
    }
    const CodeSize size = special.ss.db != 0 ? CodeSize::bits_32 : CodeSize::bits_16;
    return static_cast<std::uint32_t>(special.ss.base + low_bits(offset, size));
}

bool CpuState::is_in_virtual_8086_mode() const {
    return has(general.rflags, arch::rflags::virtual_8086) && !has(special.efer, arch::efer::lma);
}

unsigned CpuState::privilege_level() const {
    return is_in_real_mode() ? 0 : is_in_virtual_8086_mode() ? 3 : special.cs.selector & 3;
}

PagingState CpuState::paging() const {
    PagingMode mode = PagingMode::none;
    if (has(special.cr0, arch::cr0::pe | arch::cr0::pg)) {
        mode = has(special.efer, arch::efer::lma)
                   ? (has(special.cr4, arch::cr4::la57) ? PagingMode::five_level
                                                        : PagingMode::four_level)
                   : (has(special.cr4, arch::cr4::pae) ? PagingMode::pae : PagingMode::bits_32);
    }
    return {mode, special.cr3, has(special.cr4, arch::cr4::pse)};
}

paging::ControlState CpuState::control_state(const channel::Features& features) const {
    paging::EntryFormat format = features.entry_format();
    format.nxe = has(special.efer, arch::efer::nxe);
    return {
        .wp = has(special.cr0, arch::cr0::wp),
        .smep = has(special.cr4, arch::cr4::smep),
        .smap = has(special.cr4, arch::cr4::smap),
        .ac = has(general.rflags, arch::rflags::alignment_check),
        .la57 = has(special.cr4, arch::cr4::la57),
        .format = format,
    };
}

CpuState state_at_trap(const CpuState& now, const channel::PanicReport& report) {
    const channel::TrapFrame& trap = report.trap;
    CpuState state = now;
    state.general = {trap.rax, trap.rbx, trap.rcx, trap.rdx, trap.rsi, trap.rdi,
                     trap.rsp, trap.rbp, trap.r8,  trap.r9,  trap.r10, trap.r11,
                     trap.r12, trap.r13, trap.r14, trap.r15, trap.rip, trap.rflags};
    state.special.cr2 = report.cr2;
    state.special.cs.selector = static_cast<std::uint16_t>(trap.cs);
    state.special.ss.selector = static_cast<std::uint16_t>(trap.ss);
    return state;
}

bool is_behind_trap(std::uint64_t vector, std::uint64_t rip, const VirtualMemory& memory) {
    // INT n, INT3 and INT1 leave RIP behind them (SDM Vol. 3A 6.4.4, 6.5); what is not raised by
    // software leaves it at the instruction that faulted or comes next.
    constexpr std::uint8_t int_n = 0xCD;
    constexpr std::uint8_t int3 = 0xCC;
    constexpr std::uint8_t int1 = 0xF1;
    const auto before = memory.read<std::array<std::uint8_t, 2>>(rip - 2);
    if (!before) {
        return false;
    }
    const auto [first, second] = *before;
    return (first == int_n && second == vector) ||
           (second == int3 && vector == static_cast<std::uint64_t>(arch::Exception::breakpoint)) ||
           (second == int1 && vector == static_cast<std::uint64_t>(arch::Exception::debug));
}

bool is_behind_access(const kvm_run& run, const CpuState& state, const VirtualMemory& memory) {
    // Port I/O was completed when the vCPU's thread left. Of memory-mapped I/O KVM completes a
    // write before it asks user space for it, and a read when that has answered.
    const bool is_complete = run.exit_reason == KVM_EXIT_IO ||
                             (run.exit_reason == KVM_EXIT_MMIO && run.mmio.is_write != 0);
    return is_complete && !is_repeating(state, memory);
}

bool StoppedCpu::waits_for_sipi() const {
    return mp_state == KVM_MP_STATE_UNINITIALIZED || mp_state == KVM_MP_STATE_INIT_RECEIVED ||
           mp_state == KVM_MP_STATE_SIPI_RECEIVED;
}

bool StoppedCpu::is_reset() const {
    // SDM Vol. 3A table 10-1.
    return state.special.cs.selector == 0xF000 && state.general.rip == 0xFFF0;
}

std::optional<arch::PageFaultError> StoppedCpu::page_fault() const {
    if (!trap || trap->vector != static_cast<std::uint64_t>(arch::Exception::page_fault)) {
        return std::nullopt;
    }
    return arch::PageFaultError(static_cast<std::uint32_t>(trap->error_code));
}

StoppedCpu look_at(const StoppedMachine& machine, std::uint32_t index) {
    const kvm::Vcpu& vcpu = machine.vcpus[index];
    StoppedCpu cpu{.index = index,
                   .state = {vcpu.registers(), vcpu.special_registers()},
                   .mp_state = vcpu.mp_state()};
    cpu.state.rip_is_behind = cpu.is_halted() || is_behind_access(vcpu.run_page(), cpu.state,
                                                                  cpu.state.memory(machine.memory));
    if (machine.own) {
        add_panic(cpu, machine.memory, machine.own->shared);
    }
    return cpu;
}

std::string activity_text(const StoppedCpu& cpu) {
    const CpuState& state = cpu.state;
    if (cpu.waits_for_sipi()) {
        return "waiting for INIT and SIPI";
    }
    if (cpu.is_halted()) {
        return has(state.general.rflags, arch::rflags::interrupt)
                   ? "halted, interrupts on"
                   : "halted, interrupts off: only an NMI can wake it";
    }
    return state.is_in_real_mode()           ? "running in real mode"
           : state.is_in_virtual_8086_mode() ? "running in virtual-8086 mode"
           : state.privilege_level() == 3    ? "running in user mode"
                                             : "running in kernel mode";
}

}  // namespace nestbed::vmm
