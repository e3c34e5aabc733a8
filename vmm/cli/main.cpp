// The program `nestbed`: what its command line asks for, and the exit code.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <sstream>

#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"

namespace nestbed::vmm {

namespace {

/// The command whose help would have prevented the mistake.
std::string help_of(const CLI::App& program) {
    std::string command = "nestbed";
    for (const CLI::App* app = &program; !app->get_subcommands().empty();) {
        app = app->get_subcommands().front();
        command += " " + app->get_name();
    }
    return command + " --help";
}

}  // namespace

void add_commands(CLI::App& program, Invocation& invocation, Commands commands) {
    add_doctor(program, invocation);
    add_list(program, invocation);
    add_run(program, invocation);
    add_measure(program, invocation);
    if (commands == Commands::all) {
        add_matrix(program, invocation);
        add_compare(program, invocation);
        add_report(program, invocation);
        add_new(program, invocation);
        add_nested(program, invocation);
        add_nested_init(program, invocation);
        add_completion(program, invocation);
        add_complete(program, invocation);
        add_manual(program, invocation);
    }
}

Invocation understand(const std::string& program_name, std::vector<std::string> arguments,
                      Commands commands) {
    Invocation invocation;
    invocation.command_line = {program_name};
    std::ranges::copy(arguments, std::back_inserter(invocation.command_line));
    CLI::App program("A testbed for x86-64 paging under KVM.", "nestbed");
    program.set_version_flag("--version", "nestbed " NESTBED_VERSION);
    program.require_subcommand(1);
    program.footer(std::string("nestbed COMMAND --help says more.\n\n") + exit_code_help);
    add_commands(program, invocation, commands);
    std::ranges::reverse(arguments);  // CLI11 takes them from the end
    try {
        program.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::Success)) {
            throw_error(ErrorKind::usage, "{} (see {})", error.what(), help_of(program));
        }
        std::ostringstream text;
        program.exit(error, text, text);
        invocation.asks_for_help = true;
        invocation.action = [text = text.str()] {
            print(text);
            return ExitCode::success;
        };
    }
    return invocation;
}

}  // namespace nestbed::vmm

int main(int argc, char** argv) {
    using namespace nestbed::vmm;
    ExitCode code = ExitCode::success;
    try {
        code = understand(argv[0], {argv + 1, argv + argc}, Commands::all).action();
    } catch (...) {
        const Error error = current_error();
        code = exit_code_of(error.kind());
        std::string message = error.what();
        std::ranges::replace(message, '\n', ' ');
        // Not fmt::print, which throws if standard error cannot be written.
        std::fputs(fmt::format("nestbed: {}\n", printable(message)).c_str(), stderr);
    }
    return static_cast<int>(code);
}
