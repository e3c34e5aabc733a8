// The ACPI tables that a guest finds below 1 MiB: the RSDP, and by way of it an RSDT, FADT, FACS,
// MADT and an empty DSDT (ACPI Specification 6.5, chapter 5.2).
#pragma once

#include <cstdint>

#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm {

namespace acpi {

// Where a guest looks for the RSDP, in steps of 16 bytes (5.2.5.1), and where all tables are.
inline constexpr std::uint64_t begin = 0xF'0000;
inline constexpr std::uint64_t end = 0x10'0000;
inline constexpr std::uint64_t firmware_control = begin + 0x100;  ///< the FACS, on 64 bytes
/// In the FACS: where the guest wants to go on when it has slept (5.2.10), 32 bits.
inline constexpr std::uint64_t waking_vector = firmware_control + 12;

// Ports that the FADT names (PM1a event and control registers, PM timer).
inline constexpr std::uint16_t event_port = 0x600;
inline constexpr std::uint16_t control_port = 0x604;
inline constexpr std::uint16_t timer_port = 0x608;

}  // namespace acpi

void write_acpi_tables(GuestMemory& memory, std::uint32_t cpus);

}  // namespace nestbed::vmm
