// Model-specific registers that the VMM sets up or the guest touches (SDM Vol. 4, and Vol. 3A
// 11.12.1.2 "x2APIC Register Address Space" for the local APIC).
#pragma once

#include <cstdint>

namespace nestbed::arch::msr {

inline constexpr std::uint32_t apic_base = 0x1B;
inline constexpr std::uint32_t x2apic_id = 0x802;
inline constexpr std::uint32_t x2apic_eoi = 0x80B;
inline constexpr std::uint32_t x2apic_spurious = 0x80F;
inline constexpr std::uint32_t x2apic_icr = 0x830;
inline constexpr std::uint32_t x2apic_timer = 0x832;
inline constexpr std::uint32_t x2apic_initial_count = 0x838;
inline constexpr std::uint32_t x2apic_divide = 0x83E;
inline constexpr std::uint32_t x2apic_self_ipi = 0x83F;
inline constexpr std::uint32_t gs_base = 0xC0000101;

inline constexpr std::uint64_t apic_base_bsp = 1U << 8;
inline constexpr std::uint64_t apic_base_x2apic = 1U << 10;
inline constexpr std::uint64_t apic_base_enable = 1U << 11;

}  // namespace nestbed::arch::msr
