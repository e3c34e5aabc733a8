// Registers, accesses and exceptions in words.
#pragma once

#include <cstdint>
#include <string>

#include "shared/arch/page_fault.hpp"
#include "shared/channel/panic_report.hpp"
#include "shared/paging/access.hpp"
#include "vmm/diagnose/stopped_cpu.hpp"

namespace nestbed::vmm {

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
