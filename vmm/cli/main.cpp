// The program `nestbed`.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>

#include "vmm/cli/command.hpp"
#include "vmm/version.hpp"

namespace nestbed::vmm {

namespace {

ExitCode complain(ExitCode code, std::string message) {
    std::ranges::replace(message, '\n', ' ');
    // Not fmt::print, which throws if standard error cannot be written: the exit code still says
    // it.
    std::fputs(fmt::format("nestbed: {}\n", message).c_str(), stderr);
    return code;
}

/// The command whose help would have prevented the mistake.
std::string help_of(const CLI::App& program) {
    std::string command = "nestbed";
    for (const CLI::App* app = &program; !app->get_subcommands().empty();) {
        app = app->get_subcommands().front();
        command += " " + app->get_name();
    }
    return command + " --help";
}

ExitCode run_program(int argc, char** argv) {
    CLI::App program("A testbed for x86-64 paging under KVM.", "nestbed");
    program.set_version_flag("--version", std::string("nestbed ") + version);
    program.require_subcommand(1);
    program.footer(std::string("nestbed COMMAND --help says more.\n\n") + exit_code_help);
    Invocation invocation{{argv, argv + argc}, {}};
    add_doctor(program, invocation);
    add_list(program, invocation);
    add_run(program, invocation);
    add_measure(program, invocation);
    try {
        program.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
            program.exit(error);  // prints help or version
            return ExitCode::success;
        }
        return complain(ExitCode::bad_input,
                        fmt::format("{} (see {})", error.what(), help_of(program)));
    }
    return invocation.action();
}

}  // namespace

}  // namespace nestbed::vmm

int main(int argc, char** argv) {
    using namespace nestbed::vmm;
    ExitCode code = ExitCode::success;
    try {
        code = run_program(argc, argv);
    } catch (const Error& error) {
        code = complain(error.code(), error.what());
    } catch (const std::exception& error) {
        code = complain(ExitCode::bad_input, error.what());
    }
    return static_cast<int>(code);
}
