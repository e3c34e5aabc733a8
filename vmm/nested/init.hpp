// The nested machine's first process, and what it is told to do; it finds that as a file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace nestbed::vmm {

/// What a parameter of KVM's modules must be once they are loaded.
struct KvmParameter {
    std::string path;  ///< in sysfs
    std::string value;
};

struct Task {
    std::vector<std::string> modules;        ///< their files, in the order to be loaded
    std::string module_parameters{};         ///< of the last one: "npt=1"
    KvmParameter expected_parameter{};       ///< without it the machine is not the one asked for
    std::vector<std::string> command;        ///< the program's path first
    std::string directory;                   ///< to run it in
    std::vector<std::string> environment{};  ///< "NAME=value" of variables that it has besides
    std::vector<std::string> outputs;        ///< files to be brought back, if they are there
};

/// Where things are in the nested machine.
inline constexpr char task_path[] = "/nestbed/task.cbor";
inline constexpr char program_path[] = "/nestbed/nestbed";
/// The argument that makes the program that machine's first process.
inline constexpr char init_command[] = "nested-init";

/// The environment variable with the descriptor for lines of progress where there is no terminal.
inline constexpr char progress_variable[] = "NESTBED_PROGRESS_FD";

std::string bytes_of(const Task& task);
/// Throws Error(input) if `bytes` are no task.
Task task_from(std::string_view bytes);

/// Loads KVM, runs the command, sends what it writes, and switches the machine off. What goes wrong
/// is sent as well. Throws Error(usage) anywhere but in such a machine.
[[noreturn]] void run_nested_init();

}  // namespace nestbed::vmm
