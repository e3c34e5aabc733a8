// Registers, accesses and exceptions in words.
#pragma once

#include <cstdint>
#include <string>

#include "shared/arch/page_fault.hpp"
#include "shared/channel/panic_report.hpp"
#include "shared/paging/access.hpp"
#include "vmm/diagnose/stopped_cpu.hpp"

namespace nestbed::vmm {

/// The names of the bits that are set, "PE WP PG"; bits without a name are added as a number.
std::string cr0_bits(std::uint64_t value);
std::string cr4_bits(std::uint64_t value);
std::string efer_bits(std::uint64_t value);
/// The same for RFLAGS; IOPL is shown if it is not 0, and bit 1, which is always set, is not.
std::string rflags_bits(std::uint64_t value);

/// General and control registers, segments and descriptor tables: lines, each with its end.
std::string show_registers(const CpuState& state);

/// "supervisor write", "user fetch", …
std::string access_text(paging::Access access);

/// The access that met a page fault with this error code at `address`.
paging::Access access_of(arch::PageFaultError error, std::uint64_t address, std::uint64_t rip);

/// "user write, page not present"
std::string page_fault_text(arch::PageFaultError error);

/// The error code of #TS, #NP, #SS and #GP: "selector 0x18 of the GDT"; "no selector" for 0.
std::string selector_error_text(std::uint32_t error);

/// "#PF page fault at 0x7000: supervisor read, page not present (error code 0x0)"
std::string exception_text(const channel::TrapFrame& trap, std::uint64_t cr2);

}  // namespace nestbed::vmm
