// nestbed compare: is it slower after the change?

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "vmm/analysis/compare.hpp"
#include "vmm/analysis/comparison_json.hpp"
#include "vmm/analysis/comparison_text.hpp"
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
    "measurement of one belongs to that of the other which has the same id. It is called faster\n"
    "or slower (what is no time: less or more) if the interval of its change leaves out none, and\n"
    "a rank test agrees after Holm's correction for all of them; no difference if the interval\n"
    "lies within --threshold; and else, that the samples cannot tell.\n\n"
    "Examples:\n"
    "  nestbed measure shootdown --repeat 5 --output before.json\n"
    "  nestbed measure shootdown --repeat 5 --output after.json\n"
    "  nestbed compare before.json after.json --threshold 5%\n\n";

struct CompareOptions {
    std::string base;
    std::vector<std::string> others;
    std::optional<double> threshold;
    bool json = false;
};

ResultFile read_result(const std::string& path) {
    return result_file_from(read_file(path, ErrorKind::input), path);
}

std::vector<Comparison> compare_all(const CompareOptions& options) {
    constexpr double what_matters = 0.05;
    const ResultFile base = read_result(options.base);
    std::vector<Comparison> comparisons;
    for (const std::string& path : options.others) {
        comparisons.push_back(
            compare(base, read_result(path), options.threshold.value_or(what_matters)));
        if (const Comparison& last = comparisons.back(); last.measurements.empty()) {
            throw_error(ErrorKind::input, "{} and {} have no measurement that can be compared{}",
                        options.base, path,
                        last.left_out.empty() ? ""
                                              : fmt::format(" ({}: {})", last.left_out.front().id,
                                                            last.left_out.front().reason));
        }
    }
    return comparisons;
}

std::string text_of(const CompareOptions& options, const std::vector<Comparison>& comparisons) {
    std::string text;
    for (std::size_t n = 0; n < comparisons.size(); ++n) {
        if (comparisons.size() > 1) {
            text += (n == 0 ? "" : "\n") + printable(options.others[n]) + ":\n";
        }
        text += comparison_text(comparisons[n]);
        if (options.threshold) {
            text += fmt::format(
                "\nslower by more than {:g} %: {}\n", *options.threshold * 100,
                counted(regressions_in(comparisons[n], *options.threshold).size(), "measurement"));
        }
    }
    return text;
}

ExitCode compare_and_print(const CompareOptions& options) {
    const std::vector<Comparison> comparisons = compare_all(options);
    print(options.json ? comparison_report(comparisons, options.threshold)
                       : text_of(options, comparisons));
    const auto has_regression = [&](const Comparison& comparison) {
        return options.threshold && !regressions_in(comparison, *options.threshold).empty();
    };
    return std::ranges::any_of(comparisons, has_regression) ? ExitCode::test_failed
                                                            : ExitCode::success;
}

/// True: as JSON.
constexpr std::array comparison_formats{Choice{"human", false}, Choice{"json", true}};

}  // namespace

void add_compare(CLI::App& program, Invocation& invocation) {
    auto options = std::make_shared<CompareOptions>();
    CLI::App* command = program.add_subcommand(
        "compare", "Compare the measurements of two results: faster, slower, no difference");
    command->add_option("BASE", options->base, "A JSON report")->required();
    command->add_option("NEW", options->others, "Others, each compared with it")->required();
    add_value(command, "--threshold", "PERCENT",
              "From which change on a difference matters\n(default 5%); if it is given, what is\n"
              "slower by more is exit code 1",
              [options](const std::string& text) {
                  options->threshold = parse_percent("--threshold", text);
              });
    add_choice(command, "--format", "FORMAT", "human (default) or json", comparison_formats,
               [options](const auto& format) { options->json = format.value; });
    command->footer(std::string(compare_help) + exit_code_help);
    command->callback([options, &invocation] {
        invocation.action = [options] { return compare_and_print(*options); };
    });
}

}  // namespace nestbed::vmm
