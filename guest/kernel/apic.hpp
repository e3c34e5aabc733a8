// The local APIC in x2APIC mode (SDM Vol. 3A 11.12). CPU n has APIC id n. An ICR write is one
// WRMSR; x2APIC has no delivery-status bit to wait for.
#pragma once

#include <cstdint>

#include "guest/kernel/instructions.hpp"
#include "shared/arch/msr.hpp"

namespace nestbed::guest::apic {

inline constexpr std::uint8_t spurious_vector = 0xFF;

inline void enable() {
    constexpr std::uint64_t software_enable = 1U << 8;
    write_msr(arch::msr::x2apic_spurious, software_enable | spurious_vector);
}

inline std::uint32_t id() { return static_cast<std::uint32_t>(read_msr(arch::msr::x2apic_id)); }

inline void end_of_interrupt() { write_msr(arch::msr::x2apic_eoi, 0); }

/// ICR fields (SDM Vol. 3A 11.6.1 "Interrupt Command Register").
namespace icr {
inline constexpr std::uint64_t delivery_nmi = 4U << 8;
inline constexpr std::uint64_t logical = 1U << 11;
inline constexpr std::uint64_t assert_level = 1U << 14;
inline constexpr std::uint64_t all_but_self = 3U << 18;
constexpr std::uint64_t destination(std::uint32_t cpu) {
    return static_cast<std::uint64_t>(cpu) << 32;
}
}  // namespace icr

/// Sends a fixed interrupt to a CPU of this VM. WRMSR to the x2APIC range is not serializing:
/// stores that the receiver must see are ordered before it by a full fence here (SDM Vol.
/// 3A 11.12.3).
void send(std::uint32_t cpu, std::uint8_t vector);
/// To several CPUs of one x2APIC cluster, 16 CPUs: bit n of `members` is CPU 16 * `cluster` + n. A
/// logical x2APIC id is made of the two by the processor itself (SDM Vol. 3A 11.12.10.2).
void send_to_cluster(std::uint32_t cluster, std::uint16_t members, std::uint8_t vector);
void send_to_all_but_self(std::uint8_t vector);
void send_to_self(std::uint8_t vector);
void send_nmi(std::uint32_t cpu);

/// The same, without the look whether the VM has that CPU: for what is timed.
void send_to_existing(std::uint32_t cpu, std::uint8_t vector);
void send_nmi_to_existing(std::uint32_t cpu);

}  // namespace nestbed::guest::apic
