// The program `nestbed`: what its command line asks for, and the exit code.

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <iterator>
#include <sstream>

#include "vmm/base/near_words.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/qemu.hpp"
#include "vmm/cli/visible.hpp"

namespace nestbed::vmm {

namespace {

/// The command that the arguments were found to be of.
CLI::App& innermost(CLI::App& program) {
    CLI::App* app = &program;
    while (!app->get_subcommands().empty()) {
        app = app->get_subcommands().front();
    }
    return *app;
}

std::vector<std::string> command_names(CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::App* each : visible_commands(command)) {
        names.push_back(each->get_name());
    }
    return names;
}

std::vector<std::string> option_names(CLI::App& command) {
    std::vector<std::string> names;
    for (const CLI::Option* option : visible_options(command)) {
        for (const std::string& name : option->get_lnames()) {
            names.push_back("--" + name);
        }
    }
    return names;
}

/// What is wrong with a word that nothing was made of.
std::string objection_to(const std::string& word, CLI::App& command) {
    if (word.starts_with('-')) {
        const std::string option = word.substr(0, word.find('='));
        return fmt::format("there is no option {}{}", option,
                           did_you_mean(option, option_names(command)));
    }
    const std::vector<std::string> commands = command_names(command);
    return commands.empty()
               ? fmt::format("{} takes no argument {}", command.get_name(), word)
               : fmt::format("there is no command {}{}", word, did_you_mean(word, commands));
}

/// With the help that would have prevented the mistake.
[[noreturn]] void refuse(CLI::App& program, const CLI::ParseError& error) {
    CLI::App& command = innermost(program);
    const std::vector<std::string> unknown = command.remaining();
    throw_error(ErrorKind::usage, "{} (see {} --help)",
                unknown.empty() ? error.what() : objection_to(unknown.front(), command),
                path_of(command));
}

}  // namespace

void add_commands(CLI::App& program, Invocation& invocation, Commands commands) {
    add_doctor(program, invocation);
    add_list(program, invocation);
    add_run(program, invocation);
    add_measure(program, invocation);
    add_kut(program, invocation);
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
            refuse(program, error);
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
    occupy_standard_streams();
    // Ignored by our parent, and so by us, the ends of processes would be nobody's to wait for.
    std::signal(SIGCHLD, SIG_DFL);
    // A file that reaches ulimit -f is an error like a full disk, and what there is of it is
    // removed.
    std::signal(SIGXFSZ, SIG_IGN);
    if (argc > 0 && is_called_as_qemu(argv[0])) {
        return run_as_qemu({argv + 1, argv + argc});
    }
    ExitCode code = ExitCode::success;
    try {
        code = understand(argv[0], {argv + 1, argv + argc}, Commands::all).action();
    } catch (...) {
        const Error error = current_error();
        code = exit_code_of(error.kind());
        constexpr std::size_t most = 4000;  // an input may be quoted in it
        std::string message = shortened(error.what(), most);
        std::ranges::replace(message, '\n', ' ');
        // Not fmt::print, which throws if standard error cannot be written.
        std::fputs(fmt::format("nestbed: {}\n", printable(message)).c_str(), stderr);
    }
    return static_cast<int>(code);
}
