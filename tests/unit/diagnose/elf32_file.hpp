// A file of a guest that is not ours, which the build makes of elf32/two_functions.cpp.
#pragma once

#include <span>
#include <string>

#include "vmm/base/file.hpp"

namespace nestbed::vmm::test {

inline constexpr std::uint64_t text_of_elf32 = 0x100000;

/// "code32.elf", "code64.elf": ELF files of 32 bits with such code.
inline std::string read_elf32(const std::string& name) {
    return read_file(std::string(NESTBED_ELF32 "/") + name);
}

}  // namespace nestbed::vmm::test
