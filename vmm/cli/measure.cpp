// nestbed measure: one command for each study, made of its description.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/measure_command.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/cli/outputs.hpp"
#include "vmm/study/study.hpp"
#include "vmm/study/sweep.hpp"

namespace nestbed::vmm {

namespace {

struct MeasureOptions {
    OptionTexts axes;  ///< as given
    Sweep sweep;
    ConfinementOptions confinement;
    ReportOptions report;
};

const char* type_of(const Axis& axis) {
    using Kind = Axis::Kind;
    return axis.is(Axis::list)          ? "LIST"
           : axis.kind == Kind::name    ? "NAME"
           : axis.kind == Kind::size    ? "SIZE"
           : axis.kind == Kind::seconds ? "SECONDS"
                                        : "N";
}

/// The axes of all modes, each once.
std::vector<const Axis*> axes_of(const std::vector<const Study*>& modes) {
    std::vector<const Axis*> axes;
    for (const Study* mode : modes) {
        for (const Axis& axis : mode->axes) {
            if (std::ranges::count(axes, axis.name, &Axis::name) == 0) {
                axes.push_back(&axis);
            }
        }
    }
    return axes;
}

/// Remembers that an option was given, and with what.
void add_axis_option(CLI::App* command, const Axis& axis, MeasureOptions& options) {
    const std::string option = axis.option();
    const auto given = [&options, option](const std::string& text) {
        options.axes.emplace_back(option, text);
    };
    if (axis.kind == Axis::Kind::flag) {
        add_flag(command, option, axis.option_help(), [given] { given("1"); });
        if (axis.is_default(1)) {
            add_flag(command, "--no-" + axis.name, "Do not", [given] { given("0"); });
        }
        return;
    }
    offer(add_value(command, option.c_str(), type_of(axis), axis.option_help().c_str(), given),
          axis.words());
}

constexpr std::array orders{Choice{"interleaved", SweepOrder::interleaved},
                            Choice{"blocked", SweepOrder::blocked},
                            Choice{"random", SweepOrder::random}};

void parse_order(const std::string& text, Sweep& sweep) {
    constexpr std::string_view seeded = "random=";
    if (text.starts_with(seeded)) {
        sweep.order = SweepOrder::random;
        sweep.seed =
            parse_number("--order random", text.substr(seeded.size()), 0, ~std::uint64_t{0});
        return;
    }
    sweep.order = choice_named("--order", text, orders).value;
}

/// `sweep` must live as long as `command`.
void add_sweep_options(CLI::App* command, Sweep& sweep) {
    add_number(command, "--repeat", "N", "Measure each combination N times, in VMs of its own", 1,
               1'000'000, sweep.repeat);
    CLI::Option* order = add_value(command, "--order", "ORDER",
                                   "interleaved (default): all once before any again;\n"
                                   "blocked: all repetitions of one together; random;\nrandom=SEED",
                                   [&](const std::string& text) { parse_order(text, sweep); });
    offer(order, names_of(orders));
}

/// What stands below the options.
std::string help_of(const std::vector<const Study*>& modes) {
    constexpr std::size_t columns = 78;
    const std::string head = modes.front()->explanation +
                             " A list has commas between its values, and may have ranges (2,4-8); "
                             "`all` is all names that there are.";
    std::string text = fmt::format("{}\n\n", fmt::join(wrapped(head, columns), "\n"));
    for (const Axis* axis : axes_of(modes)) {
        text += axis->values_help();
    }
    return text + "Examples:\n" + modes.front()->examples + "\n" + exit_code_help;
}

void add_study(CLI::App& measurements, Invocation& invocation,
               const std::vector<const Study*>& modes) {
    auto options = std::make_shared<MeasureOptions>();
    const Study& first = *modes.front();
    CLI::App* command = measurements.add_subcommand(first.name, first.summary);
    for (const Axis* axis : axes_of(modes)) {
        add_axis_option(command, *axis, *options);
    }
    add_sweep_options(command, options->sweep);
    add_confinement_options(command, options->confinement);
    add_report_options(command, options->report);
    add_resume_option(command, options->report);
    command->footer("");  // CLI11 has the parent's stand below the text
    command->footer([modes] { return help_of(modes); });
    command->callback([&invocation, options, name = first.name] {
        const Study& study = study_chosen(name, options->axes);
        refuse_unused(options->report);
        invocation.outputs = options->report.outputs;
        invocation.resumes = options->report.resume.has_value();
        invocation.action = [command = MeasureCommand{&study, points_of(study, options->axes),
                                                      options->sweep, options->confinement,
                                                      options->report, invocation.command_line}] {
            return measure(command);
        };
    });
}

}  // namespace

void add_measure(CLI::App& program, Invocation& invocation) {
    CLI::App* command =
        program.add_subcommand("measure", "Measure something; one table of distributions");
    command->require_subcommand(1);
    // To describe all studies takes a quarter of a millisecond, which other commands are spared.
    constexpr std::array<std::string_view, 2> needed_by{"measure", manual_command};
    if (std::ranges::find_first_of(invocation.command_line, needed_by) ==
        invocation.command_line.end()) {
        return;
    }
    std::vector<const Study*> modes;
    for (const Study& study : studies()) {
        if (!modes.empty() && modes.front()->name != study.name) {
            add_study(*command, invocation, modes);
            modes.clear();
        }
        modes.push_back(&study);
    }
    add_study(*command, invocation, modes);
    // Last: a subcommand that is added takes its parent's.
    command->footer(std::string("nestbed measure NAME --help says more.\n\n") + exit_code_help);
}

}  // namespace nestbed::vmm
