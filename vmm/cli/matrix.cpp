// nestbed matrix: the results of several runs side by side.

#include <algorithm>
#include <memory>

#include "vmm/base/file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/render/expected_skips.hpp"
#include "vmm/render/matrix.hpp"

namespace nestbed::vmm {

namespace {

constexpr char matrix_help[] =
    "Each RESULT is what nestbed run --output RESULT.json has written; its name without .json is\n"
    "that of the environment. Below the table stand all tests that failed or were skipped, with\n"
    "their reasons. With --expect a skip that is not listed in FILE is a failure; a listed one\n"
    "that did not happen is said, if it is not listed as one that happens at times.\n\n"
    "Example:\n"
    "  nestbed run --output host.json\n"
    "  nestbed nested --paging npt -- run --output npt.json\n"
    "  nestbed matrix host.json npt.json\n\n";

struct MatrixOptions {
    std::vector<std::string> results;
    std::optional<std::string> expect;  ///< none: every skip is as good as another
};

ExitCode matrix(const MatrixOptions& options) {
    std::vector<ResultFile> environments;
    environments.reserve(options.results.size());
    for (const std::string& path : options.results) {
        environments.push_back(result_file_from(read_file(path, ErrorKind::input), path));
        const std::string& name = environments.back().environment;
        if (std::ranges::count(environments, name, &ResultFile::environment) > 1) {
            throw_error(ErrorKind::usage, "{}: there is another result called {}", path, name);
        }
    }
    SkipJudgement judgement;
    const std::string list = options.expect.value_or("");
    if (options.expect) {
        const std::string text = read_file(list, ErrorKind::input);
        judgement = judge_skips(expected_skips_from(text, list), environments);
    }
    const WithoutWorkflowCommands unheeded;
    std::string text = matrix_text(environments, output_width());
    for (const std::string& remark : judgement.remarks) {
        text += "\n" + printable(list + ": " + remark) + "\n";
    }
    for (const std::string& fault : judgement.faults) {
        text += "\nFAILED: " + printable(list + ": " + fault) + "\n";
    }
    print(text);
    return judgement.faults.empty() && all_passed(environments) ? ExitCode::success
                                                                : ExitCode::test_failed;
}

}  // namespace

void add_matrix(CLI::App& program, Invocation& invocation) {
    auto options = std::make_shared<MatrixOptions>();
    CLI::App* command = program.add_subcommand(
        "matrix", "Show the results of several runs side by side: suite by environment");
    command->add_option("RESULT", options->results, "JSON reports of nestbed run")->required();
    command
        ->add_option("--expect", options->expect,
                     "Which tests may be skipped where, and why (docs/nested-machines.md)")
        ->type_name("FILE");
    command->footer(std::string(matrix_help) + exit_code_help);
    command->callback(
        [options, &invocation] { invocation.action = [options] { return matrix(*options); }; });
}

}  // namespace nestbed::vmm
