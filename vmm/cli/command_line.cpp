#include "vmm/cli/command.hpp"

#include <fmt/format.h>

#include <iterator>
#include <sstream>

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

enum class Commands { all, of_guests };

Invocation understand_with(std::vector<std::string> command_line, Commands commands) {
    Invocation invocation;
    invocation.command_line = std::move(command_line);
    CLI::App program("A testbed for x86-64 paging under KVM.", "nestbed");
    program.set_version_flag("--version", "nestbed " NESTBED_VERSION);
    program.require_subcommand(1);
    program.footer(std::string("nestbed COMMAND --help says more.\n\n") + exit_code_help);
    add_doctor(program, invocation);
    add_list(program, invocation);
    add_run(program, invocation);
    add_measure(program, invocation);
    if (commands == Commands::all) {
        add_matrix(program, invocation);
        add_nested(program, invocation);
        add_nested_init(program, invocation);
    }
    // CLI11 takes the arguments from the end.
    std::vector<std::string> arguments(invocation.command_line.rbegin(),
                                       std::prev(invocation.command_line.rend()));
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

}  // namespace

Invocation understand(std::vector<std::string> command_line) {
    return understand_with(std::move(command_line), Commands::all);
}

Invocation understand_nested(const std::vector<std::string>& arguments) {
    std::vector<std::string> command_line{"nestbed"};
    command_line.insert(command_line.end(), arguments.begin(), arguments.end());
    return understand_with(std::move(command_line), Commands::of_guests);
}

}  // namespace nestbed::vmm
