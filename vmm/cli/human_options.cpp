#include "vmm/cli/human_options.hpp"

#include <array>

#include "vmm/cli/options.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::array diagnoses{Choice{"brief", true}, Choice{"full", false}};

constexpr std::array colors{Choice{"auto", ColorChoice::automatic},
                            Choice{"always", ColorChoice::always},
                            Choice{"never", ColorChoice::never}};

}  // namespace

void add_human_options(CLI::App* command, HumanOptions& options) {
    add_flag(command, "--verbose", "Log lines of tests that passed, too",
             [&] { options.verbose = true; });
    add_flag(command, "--quiet", "Only failures and the summary, and no progress",
             [&] { options.quiet = true; });
    add_choice(command, "--diagnosis", "HOW",
               "Of a guest that died: brief (default on a terminal;\n"
               "why, where and the way there) or full (all vCPUs)",
               diagnoses, [&](const auto& choice) { options.brief = choice.value; });
    add_choice(command, "--color", "WHEN",
               "auto (default: on a terminal, unless NO_COLOR is set),\nalways or never", colors,
               [&](const auto& choice) { options.color = choice.value; });
}

void refuse_unused(const HumanOptions& options, const ReportOptions& report) {
    if (options.verbose && options.quiet) {
        throw_error(ErrorKind::usage, "--quiet and --verbose contradict each other");
    }
    if (report.printed() == human_format) {
        return;
    }
    if (options.verbose) {
        throw_error(ErrorKind::usage, "--verbose is for the human report; others have all lines");
    }
    if (options.brief) {
        throw_error(ErrorKind::usage,
                    "--diagnosis is for the human report; others have it in full");
    }
}

HumanStyle style_of(const HumanOptions& options) {
    return {.name_width = 0,
            .verbose = options.verbose,
            .width = output_width(),
            .has_color = wants_color(options.color),
            .brief = options.brief.value_or(is_terminal()),
            .quiet = options.quiet};
}

}  // namespace nestbed::vmm
