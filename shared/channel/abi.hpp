// The version of everything in this folder. A guest carries it in its ELF note, and the VMM refuses
// another one. Structures only grow; a change of meaning or layout raises the version.
#pragma once

#include <cstdint>

namespace nestbed::channel {

inline constexpr std::uint32_t abi_version = 9;

/// vCPUs of one VM, at most: a set of CPUs is one 64-bit word.
inline constexpr std::uint32_t max_cpus = 64;

}  // namespace nestbed::channel
