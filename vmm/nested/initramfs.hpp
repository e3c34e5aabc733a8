// What is in the nested machine: this very program, what it is linked with, KVM's modules, a task.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "vmm/host/emulated_machine.hpp"
#include "vmm/nested/task.hpp"

namespace nestbed::vmm {

/// What is to be run, and what it needs.
struct NestedCommand {
    std::filesystem::path program{};             ///< empty: this one
    std::vector<std::string> arguments;          ///< without the program's name
    std::vector<std::filesystem::path> inputs;   ///< files and folders that it reads
    std::vector<std::filesystem::path> outputs;  ///< files that it writes
};

struct NestedContents {
    std::vector<std::filesystem::path> modules;  ///< in the order to be loaded
    std::string module_parameters;               ///< of the last one
    KvmParameter expected_parameter{};
    NestedCommand command;
    std::filesystem::path directory;  ///< to run it in: there is one of that name
    EmulatedMachine machine;
};

/// The archive. Throws Error(no_kvm) if a file cannot be read.
std::string make_initramfs(const NestedContents& contents);

}  // namespace nestbed::vmm
