// nestbed report: results to look at, as one HTML page.

#include <algorithm>
#include <filesystem>
#include <memory>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/output_file.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/page/html_report.hpp"

namespace nestbed::vmm {

namespace {

constexpr char report_help[] =
    "RESULT is what nestbed measure, or nestbed run, --output FILE.json has written. The page has\n"
    "all of its measurements as tables and plots; of several results also how the others differ\n"
    "from the first, as nestbed compare says it. It needs no network and no other file.\n\n"
    "Examples:\n"
    "  nestbed measure shootdown --repeat 5 --output before.json\n"
    "  nestbed report before.json -o before.html\n"
    "  nestbed report before.json after.json -o change.html\n\n";

struct ReportArguments {
    std::vector<std::string> results;
    std::string output;
};

/// Before the page is written its old file is removed, and that must not be what it is made of.
void refuse_to_replace_a_result(const ReportArguments& arguments) {
    const auto is_output = [&](const std::string& result) {
        std::error_code error;
        return std::filesystem::equivalent(result, arguments.output, error);
    };
    const auto result = std::ranges::find_if(arguments.results, is_output);
    if (result != arguments.results.end() && std::filesystem::is_regular_file(arguments.output)) {
        throw_error(ErrorKind::usage, "--output {}: that is the result {}", arguments.output,
                    *result);
    }
}

ExitCode report(const ReportArguments& arguments) {
    refuse_to_replace_a_result(arguments);
    OutputFile output(arguments.output);
    std::vector<ReportSource> sources;
    sources.reserve(arguments.results.size());
    for (const std::string& path : arguments.results) {
        sources.push_back({path, read_file(path, ErrorKind::input)});
    }
    output.write(html_report(sources));
    return ExitCode::success;
}

}  // namespace

void add_report(CLI::App& program, Invocation& invocation) {
    auto arguments = std::make_shared<ReportArguments>();
    CLI::App* command = program.add_subcommand(
        "report", "Show results, and how they differ, as one HTML page with plots");
    command->add_option("RESULT", arguments->results, "JSON reports")->required();
    add_value(command, "-o,--output", "FILE", "The page", [arguments](const std::string& text) {
        if (text.empty()) {
            throw_error(ErrorKind::usage, "--output: empty, it names no file");
        }
        arguments->output = text;
    })->required();
    command->footer(std::string(report_help) + exit_code_help);
    command->callback([arguments, &invocation] {
        invocation.action = [arguments] { return report(*arguments); };
    });
}

}  // namespace nestbed::vmm
