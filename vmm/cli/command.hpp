// How the program's commands are put together: each adds itself to the command line and, if it is
// the one that was called, leaves behind what is to be done.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <vector>

#include "vmm/cli/exit_code.hpp"

namespace nestbed::vmm {

struct Invocation {
    std::vector<std::string> command_line;  ///< the program's name first
    std::function<ExitCode()> action;
    std::vector<std::string> guests;   ///< named on the command line: built-in ones and files
    std::vector<std::string> outputs;  ///< files that the command writes
    std::vector<std::string> inputs;   ///< files that it reads, other than guests
    bool resumes = false;              ///< and goes on with one of them
    bool asks_for_help = false;        ///< or for the version: nothing is to be run
};

enum class Commands {
    all,
    of_guests,  ///< those that can be run in a nested machine, which has no nested machines
};

/// What `arguments` ask for. A call for help or for the version is an action like others. Throws
/// Error(usage), naming the help that would have prevented the mistake.
Invocation understand(const std::string& program_name, std::vector<std::string> arguments,
                      Commands commands);

void add_doctor(CLI::App& program, Invocation& invocation);
void add_list(CLI::App& program, Invocation& invocation);
void add_run(CLI::App& program, Invocation& invocation);
void add_measure(CLI::App& program, Invocation& invocation);
void add_kut(CLI::App& program, Invocation& invocation);
void add_matrix(CLI::App& program, Invocation& invocation);
void add_compare(CLI::App& program, Invocation& invocation);
void add_report(CLI::App& program, Invocation& invocation);
void add_new(CLI::App& program, Invocation& invocation);
void add_nested(CLI::App& program, Invocation& invocation);
void add_nested_init(CLI::App& program, Invocation& invocation);
void add_completion(CLI::App& program, Invocation& invocation);
void add_complete(CLI::App& program, Invocation& invocation);
void add_manual(CLI::App& program, Invocation& invocation);
/// What is written of all commands, those that are only described when they are called included.
inline constexpr char manual_command[] = "manual";

/// All of them.
void add_commands(CLI::App& program, Invocation& invocation, Commands commands);

}  // namespace nestbed::vmm
