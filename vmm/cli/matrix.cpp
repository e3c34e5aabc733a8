// nestbed matrix: the results of several runs side by side.

#include <algorithm>
#include <memory>

#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/render/matrix.hpp"

namespace nestbed::vmm {

namespace {

constexpr char matrix_help[] =
    "Each RESULT is what nestbed run --output RESULT.json has written; its name without .json is\n"
    "that of the environment. Below the table stand all tests that failed or were skipped, with\n"
    "their reasons.\n\n"
    "Example:\n"
    "  nestbed run --output host.json\n"
    "  nestbed nested --paging npt -- run --output npt.json\n"
    "  nestbed matrix host.json npt.json\n\n";

ExitCode matrix(const std::vector<std::string>& paths) {
    std::vector<ResultFile> environments;
    environments.reserve(paths.size());
    for (const std::string& path : paths) {
        environments.push_back(read_result_file(path));
        const std::string& name = environments.back().environment;
        if (std::ranges::count(environments, name, &ResultFile::environment) > 1) {
            throw_error(ErrorKind::usage, "{}: there is another result called {}", path, name);
        }
    }
    print(matrix_text(environments));
    return all_passed(environments) ? ExitCode::success : ExitCode::test_failed;
}

}  // namespace

void add_matrix(CLI::App& program, Invocation& invocation) {
    auto paths = std::make_shared<std::vector<std::string>>();
    CLI::App* command = program.add_subcommand(
        "matrix", "Show the results of several runs side by side: suite by environment");
    command->add_option("RESULT", *paths, "JSON reports of nestbed run")->required();
    command->footer(std::string(matrix_help) + exit_code_help);
    command->callback(
        [paths, &invocation] { invocation.action = [paths] { return matrix(*paths); }; });
}

}  // namespace nestbed::vmm
