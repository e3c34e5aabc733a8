// A command, of this program or another one, run in a nested machine.
#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include "vmm/nested/boot.hpp"
#include "vmm/nested/emulator.hpp"
#include "vmm/nested/kernel.hpp"

namespace nestbed::vmm {

struct NestedCommand {
    std::filesystem::path program;               ///< empty: this one
    std::vector<std::string> arguments;          ///< without the program's name
    std::vector<std::filesystem::path> inputs;   ///< files and folders that it reads
    std::vector<std::filesystem::path> outputs;  ///< files that it writes
};

struct NestedResult {
    BootResult boot;            ///< the last one
    std::uint32_t retries = 0;  ///< boots before it that hung
};

/// Boots a machine for `command`, and once more if the first one hangs (nothing is heard of it for
/// `silence`) before the command has written anything. Throws Error(no_kvm) if no machine can be
/// made.
NestedResult run_nested(const Emulator& emulator, const NestedKernel& kernel,
                        const NestedCommand& command, std::chrono::milliseconds silence,
                        NestedObserver& observer, const std::stop_token& stop);

}  // namespace nestbed::vmm
