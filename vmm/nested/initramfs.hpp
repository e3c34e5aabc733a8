// What is in the nested machine: this very program, which is static, KVM's modules, a task.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vmm/nested/emulator.hpp"
#include "vmm/nested/kernel.hpp"

namespace nestbed::vmm {

/// What is to be run, and what it needs.
struct NestedCommand {
    std::filesystem::path program{};             ///< empty: this one
    std::vector<std::string> arguments;          ///< without the program's name
    std::filesystem::path directory;             ///< to run it in: there is one of that name
    std::vector<std::filesystem::path> inputs;   ///< files and folders that it reads
    std::vector<std::filesystem::path> outputs;  ///< files that it writes
};

/// The archive. `retries`: boots before it that hung. Throws an Error that names the file that
/// cannot be read, or the module that is missing.
std::string make_initramfs(const Emulator& emulator, const NestedKernel& kernel,
                           const NestedCommand& command, std::uint32_t retries);

}  // namespace nestbed::vmm
