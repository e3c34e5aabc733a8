// What KVM offers its guests by itself (Linux, Documentation/virt/kvm/x86/cpuid.rst and msr.rst).
#pragma once

#include <cstdint>

namespace nestbed::arch::kvm {

inline constexpr std::uint32_t leaf_signature = 0x4000'0000;
inline constexpr std::uint32_t leaf_features = 0x4000'0001;

/// "KVMKVMKVM" in EBX, ECX, EDX of the signature's leaf.
inline constexpr std::uint32_t signature_ebx = 0x4B4D'564B;
inline constexpr std::uint32_t signature_ecx = 0x564B'4D56;
inline constexpr std::uint32_t signature_edx = 0x4D;

inline constexpr std::uint32_t eax_steal_time = 1U << 5;
inline constexpr std::uint32_t eax_pv_tlb_flush = 1U << 9;
inline constexpr std::uint32_t eax_send_interrupt = 1U << 11;
inline constexpr std::uint32_t eax_sched_yield = 1U << 13;

// Hypercalls (Documentation/virt/kvm/x86/hypercalls.rst).
inline constexpr std::uint64_t hypercall_vapic_poll = 1;
inline constexpr std::uint64_t hypercall_send_interrupt = 10;
inline constexpr std::uint64_t hypercall_sched_yield = 11;

/// Physical address of the vCPU's StealTime, 64-byte aligned, with bit 0 set.
inline constexpr std::uint32_t msr_steal_time = 0x4B56'4D03;
inline constexpr std::uint64_t msr_steal_time_enable = 1;

/// Shared with KVM, which writes it whenever it begins or ends to run the vCPU.
struct StealTime {
    std::uint64_t steal;    ///< ns that the vCPU was runnable and did not run
    std::uint32_t version;  ///< odd while KVM writes
    std::uint32_t flags;
    std::uint8_t preempted;  ///< shared/shootdown/paravirtual.hpp has its bits
    std::uint8_t padding[3];
    std::uint32_t reserved[11];
};
static_assert(sizeof(StealTime) == 64);

}  // namespace nestbed::arch::kvm
