// The program as the QEMU of kvm-unit-tests: what it does when it is called nestbed-qemu.
#pragma once

#include <string>
#include <vector>

namespace nestbed::vmm {

inline constexpr char qemu_program[] = "nestbed-qemu";

/// Whether the program was called by that name.
bool is_called_as_qemu(const char* program);

/// Runs one guest, whose serial line is standard output. Returns the status with which QEMU would
/// end; what goes wrong is said on standard error.
int run_as_qemu(const std::vector<std::string>& words);

}  // namespace nestbed::vmm
