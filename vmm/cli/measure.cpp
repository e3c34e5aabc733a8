// nestbed measure: one command for each study, made of its description.
#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/stopwatch.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/cli/outputs.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/render/host_text.hpp"
#include "vmm/render/study_text.hpp"
#include "vmm/run/calibrate.hpp"
#include "vmm/study/study.hpp"
#include "vmm/study/sweep.hpp"

namespace nestbed::vmm {

namespace {

struct MeasureOptions {
    OptionTexts axes;  ///< as given
    Sweep sweep;
    ReportOptions report;
};

/// What a command is to do, all of it checked.
struct MeasureCommand {
    const Study* study;
    std::vector<Point> points;
    Sweep sweep;
    ReportOptions output;
    std::vector<std::string> command_line;
};

/// What stands above the table: how far timings of this host can be trusted.
std::string head_of(const RunReport& report) {
    return report.calibration ? calibration_text(*report.host, *report.calibration) + "\n" : "";
}

/// The study's runs, until one is interrupted. What has been measured is in `runs` and the report,
/// whatever is thrown after that.
void run_study(const MeasureCommand& command, bool for_json, RunReport& report, StudyRuns& runs) {
    const std::vector<SweepStep> steps = steps_of(command.points, command.sweep);
    report.not_finished = steps.size();
    const kvm::System system;
    VcpuThread::install_kick_handler();
    const InterruptWatcher interrupts;
    report.host = describe_host(&system);
    report.calibration = calibrate(system, interrupts.token());
    if (command.output.printed() == human_format) {
        print(head_of(report));
    }
    const Stopwatch watch;
    ProgressLine progress;
    StudyRunner runner(system, *command.study, command.points, report.calibration->hypercalls);
    for (const SweepStep& step : steps) {
        progress.show(
            progress_text(runs.size(), steps.size(), watch.seconds(), step.point->text()));
        StudyRun done = runner.run(*step.point, for_json, interrupts.token());
        done.test.repetition = step.repetition;
        report.seconds = watch.seconds();
        if (done.test.interrupted) {
            report.interrupted = true;
            break;
        }
        report.tests.push_back(done.test);
        runs.push_back(std::move(done));
        --report.not_finished;
    }
}

std::string text_of(const MeasureCommand& command, const StudyRuns& runs, const RunReport& report) {
    if (runs.empty() && report.error) {
        return "";
    }
    std::string text = study_text(*command.study, merged(*command.study, runs));
    if (report.not_finished != 0) {
        text += fmt::format("interrupted: {} of {} did not finish\n", report.not_finished,
                            counted(command.points.size() * command.sweep.repeat, "run"));
    }
    return text;
}

MeasuringOrder measuring_order(const Sweep& sweep) {
    return sweep.order == SweepOrder::random
               ? MeasuringOrder{"random", sweep.seed}
               : MeasuringOrder{sweep.order == SweepOrder::blocked ? "blocked" : "interleaved",
                                std::nullopt};
}

ExitCode measure(const MeasureCommand& command) {
    StudyRuns runs;
    ReportedRun reported;
    reported.order = measuring_order(command.sweep);
    reported.run = [&](RunReport& report, bool for_json) {
        report.add_json = [&](auto& json) {
            add_study_json(*command.study, merged(*command.study, runs), json);
        };
        run_study(command, for_json, report, runs);
    };
    reported.end = [&](const RunReport& report) { return text_of(command, runs, report); };
    reported.whole = [&](const RunReport& report) {
        return head_of(report) + text_of(command, runs, report);
    };
    return run_and_report(command.output, command.command_line, reported);
}

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
    add_value(command, option.c_str(), type_of(axis), axis.option_help().c_str(), given);
}

/// `sweep` must live as long as `command`.
void add_sweep_options(CLI::App* command, Sweep& sweep) {
    add_number(command, "--repeat", "N", "Measure each combination N times, in VMs of its own", 1,
               1'000'000, sweep.repeat);
    add_value(
        command, "--order", "ORDER",
        "interleaved (default): all once before any again;\n"
        "blocked: all repetitions of one together; random;\nrandom=SEED",
        [&](const std::string& text) {
            using Order = SweepOrder;
            constexpr std::string_view random = "random";
            if (text == "interleaved" || text == "blocked") {
                sweep.order = text == "blocked" ? Order::blocked : Order::interleaved;
            } else if (text.starts_with(random) && (text == random || text[random.size()] == '=')) {
                sweep.order = Order::random;
                if (text != random) {
                    sweep.seed = parse_number("--order random", text.substr(random.size() + 1), 0,
                                              ~std::uint64_t{0});
                }
            } else {
                throw_error(ErrorKind::usage,
                            "--order {}: must be interleaved, blocked, random or random=SEED",
                            text);
            }
        });
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
    add_report_options(command, options->report);
    command->footer("");  // CLI11 has the parent's stand below the text
    command->footer([modes] { return help_of(modes); });
    command->callback([&invocation, options, name = first.name] {
        const Study& study = study_chosen(name, options->axes);
        refuse_unused(options->report);
        invocation.outputs = options->report.outputs;
        invocation.action = [command = MeasureCommand{&study, points_of(study, options->axes),
                                                      options->sweep, options->report,
                                                      invocation.command_line}] {
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
    if (std::ranges::find(invocation.command_line, "measure") == invocation.command_line.end()) {
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
