// Exceptions and their error codes in words.
#pragma once

#include <cstdint>
#include <string>

#include "shared/arch/page_fault.hpp"
#include "shared/channel/panic_report.hpp"

namespace nestbed::vmm {

/// "user write, page not present"
std::string page_fault_text(arch::PageFaultError error);

/// The error code of #TS, #NP, #SS and #GP: "selector 0x18 of the GDT"; "no selector" for 0.
std::string selector_error_text(std::uint32_t error);

/// "#PF page fault at 0x7000: supervisor read, page not present (error code 0x0)"
std::string exception_text(const channel::TrapFrame& trap, std::uint64_t cr2);

}  // namespace nestbed::vmm
