#include "guest/kernel/hypercall.hpp"

#include "guest/kernel/instructions.hpp"
#include "guest/kernel/kvm_features.hpp"
#include "shared/arch/kvm.hpp"

namespace nestbed::guest::hypercall {

namespace {

/// AMD's instruction is another one. KVM patches the wrong one, but may not write to kernel text.
bool has_svm() {
    constexpr std::uint32_t amd_ebx = 0x6874'7541;    // "Auth" of AuthenticAMD
    constexpr std::uint32_t hygon_ebx = 0x6F67'7948;  // "Hygo" of HygonGenuine
    const std::uint32_t vendor = cpuid(0).ebx;
    return vendor == amd_ebx || vendor == hygon_ebx;
}

/// Number in RAX; arguments in RBX, RCX, RDX, RSI.
std::uint64_t call(std::uint64_t number, std::uint64_t first = 0, std::uint64_t second = 0,
                   std::uint64_t third = 0, std::uint64_t fourth = 0) {
    if (has_svm()) {
        asm volatile("vmmcall"
                     : "+a"(number)
                     : "b"(first), "c"(second), "d"(third), "S"(fourth)
                     : "memory");
    } else {
        asm volatile("vmcall"
                     : "+a"(number)
                     : "b"(first), "c"(second), "d"(third), "S"(fourth)
                     : "memory");
    }
    return number;
}

}  // namespace

// Without an APIC to poll, it is one that KVM refuses at once.
void nothing() { call(arch::kvm::hypercall_vapic_poll); }

bool offers_interrupts() { return has_kvm_features(arch::kvm::eax_send_interrupt); }

void send_interrupt(shootdown::CpuSet targets, std::uint8_t vector) {
    // CPUs from APIC id 0 on, by bit; the second word is for ids 64 to 127. The exit is a full
    // fence.
    call(arch::kvm::hypercall_send_interrupt, targets.bits(), 0, 0, vector);
}

bool offers_yield() { return has_kvm_features(arch::kvm::eax_sched_yield); }

void yield_to(std::uint32_t cpu) { call(arch::kvm::hypercall_sched_yield, cpu); }

}  // namespace nestbed::guest::hypercall
