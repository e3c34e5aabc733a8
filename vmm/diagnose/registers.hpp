// Registers as text: values in hexadecimal, flag bits by their names.
#pragma once

#include <cstdint>
#include <string>

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

}  // namespace nestbed::vmm
