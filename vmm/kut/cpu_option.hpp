// The value of QEMU's option -cpu.
#pragma once

#include <string_view>

#include "vmm/loader/pc_settings.hpp"

namespace nestbed::vmm {

/// "max,+vmx,phys-bits=36". Which models and features there are, cpuid_of() knows. Throws
/// Error(usage).
CpuModel read_cpu_option(std::string_view value);

/// "on" and "off", and the other words that QEMU takes for them.
bool parse_switch(std::string_view option, std::string_view value);

}  // namespace nestbed::vmm
