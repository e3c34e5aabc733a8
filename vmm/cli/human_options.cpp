#include "vmm/cli/human_options.hpp"

#include "vmm/base/values.hpp"
#include "vmm/cli/options.hpp"

namespace nestbed::vmm {

namespace {

bool parse_brief(const std::string& text) {
    if (text != "brief" && text != "full") {
        refuse_name("--diagnosis", text, {"brief", "full"});
    }
    return text == "brief";
}

ColorChoice parse_color(const std::string& text) {
    if (text == "auto") {
        return ColorChoice::automatic;
    }
    if (text != "always" && text != "never") {
        refuse_name("--color", text, {"auto", "always", "never"});
    }
    return text == "always" ? ColorChoice::always : ColorChoice::never;
}

}  // namespace

void add_human_options(CLI::App* command, HumanOptions& options) {
    add_flag(command, "--verbose", "Log lines of tests that passed, too",
             [&] { options.verbose = true; });
    add_flag(command, "--quiet", "Only failures and the summary, and no progress",
             [&] { options.quiet = true; });
    add_value(command, "--diagnosis", "HOW",
              "Of a guest that died: brief (default on a terminal;\n"
              "why, where and the way there) or full (all vCPUs)",
              [&](const std::string& text) { options.brief = parse_brief(text); });
    add_value(command, "--color", "WHEN",
              "auto (default: on a terminal, unless NO_COLOR is set),\nalways or never",
              [&](const std::string& text) { options.color = parse_color(text); });
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
            .has_colour = wants_color(options.color),
            .brief = options.brief.value_or(is_terminal()),
            .quiet = options.quiet};
}

}  // namespace nestbed::vmm
