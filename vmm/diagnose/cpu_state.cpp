#include "vmm/diagnose/cpu_state.hpp"

#include "shared/arch/control.hpp"

namespace nestbed::vmm {

namespace {

bool has(std::uint64_t value, std::uint64_t bits) { return (value & bits) == bits; }

}  // namespace

bool CpuState::has_long_mode_paging() const {
    return has(special.cr0, arch::cr0::pe | arch::cr0::pg) && has(special.efer, arch::efer::lma);
}

VirtualMemory CpuState::memory(const GuestMemory& physical) const {
    return {physical, root(),
            has(special.cr4, arch::cr4::la57) ? paging::Level::pml5 : paging::Level::pml4};
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
    state.general = {.rax = trap.rax,
                     .rbx = trap.rbx,
                     .rcx = trap.rcx,
                     .rdx = trap.rdx,
                     .rsi = trap.rsi,
                     .rdi = trap.rdi,
                     .rsp = trap.rsp,
                     .rbp = trap.rbp,
                     .r8 = trap.r8,
                     .r9 = trap.r9,
                     .r10 = trap.r10,
                     .r11 = trap.r11,
                     .r12 = trap.r12,
                     .r13 = trap.r13,
                     .r14 = trap.r14,
                     .r15 = trap.r15,
                     .rip = trap.rip,
                     .rflags = trap.rflags};
    state.special.cr2 = report.cr2;
    state.special.cs.selector = static_cast<std::uint16_t>(trap.cs);
    state.special.ss.selector = static_cast<std::uint16_t>(trap.ss);
    return state;
}

}  // namespace nestbed::vmm
