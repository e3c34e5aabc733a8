// nestbed compare: is it slower after the change?

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "vmm/analysis/compare.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/base/values.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/options.hpp"

namespace nestbed::vmm {

namespace {

constexpr char compare_help[] =
    "BASE and NEW are what nestbed measure, or nestbed run, --output FILE.json has written. A\n"
    "measurement of one belongs to that of the other which has the same id (docs/results.md). It\n"
    "is called faster or slower if the interval of its change leaves out none, and a rank test\n"
    "agrees after Holm's correction for all of them; no difference if the interval lies within\n"
    "--threshold; and else, that the samples cannot tell.\n\n"
    "Examples:\n"
    "  nestbed measure shootdown --repeat 5 --output before.json\n"
    "  nestbed measure shootdown --repeat 5 --output after.json\n"
    "  nestbed compare before.json after.json --threshold 5%\n\n";

struct CompareOptions {
    std::string base;
    std::vector<std::string> others;
    std::optional<double> threshold;
};

ResultFile read_result(const std::string& path) {
    return result_file_from(read_file(path, ErrorKind::input), path);
}

ExitCode compare_all(const CompareOptions& options) {
    constexpr double what_matters = 0.05;
    const ResultFile base = read_result(options.base);
    ExitCode code = ExitCode::success;
    for (const std::string& path : options.others) {
        const ResultFile next = read_result(path);
        const Comparison comparison = compare(base, next, options.threshold.value_or(what_matters));
        if (comparison.measurements.empty()) {
            throw_error(ErrorKind::input, "{} and {} have no measurement in common", options.base,
                        path);
        }
        print(options.others.size() == 1 ? "" : fmt::format("{}:\n", printable(path)));
        print(comparison_text(comparison));
        if (options.threshold && has_regression(comparison, *options.threshold)) {
            code = ExitCode::test_failed;
        }
    }
    return code;
}

}  // namespace

void add_compare(CLI::App& program, Invocation& invocation) {
    auto options = std::make_shared<CompareOptions>();
    CLI::App* command = program.add_subcommand(
        "compare", "Compare the measurements of two results: faster, slower, no difference");
    command->add_option("BASE", options->base, "A JSON report")->required();
    command->add_option("NEW", options->others, "Others, each compared with it")->required();
    add_value(
        command, "--threshold", "PERCENT",
        "From which change on a difference matters\n(default 5%); if it is given, one that is\n"
        "slower by more is exit code 1",
        [options](const std::string& text) {
            options->threshold = parse_percent("--threshold", text);
        });
    command->footer(std::string(compare_help) + exit_code_help);
    command->callback([options, &invocation] {
        invocation.action = [options] { return compare_all(*options); };
    });
}

}  // namespace nestbed::vmm
