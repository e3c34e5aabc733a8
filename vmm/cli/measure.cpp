// nestbed measure: one command for each study, made of its description.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>

#include "vmm/base/output_file.hpp"
#include "vmm/base/text.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/render/host_text.hpp"
#include "vmm/render/json.hpp"
#include "vmm/render/progress.hpp"
#include "vmm/render/study_text.hpp"
#include "vmm/run/calibrate.hpp"
#include "vmm/study/run_study.hpp"

namespace nestbed::vmm {

namespace {

struct MeasureOptions {
    std::vector<std::pair<std::string, std::string>> axes;  ///< option and text, as given
    std::optional<Format> format;
    std::string output;  ///< a file; empty: none
};

/// What a command is to do, all of it checked.
struct MeasureCommand {
    const Study* study;
    std::vector<Point> points;
    MeasureOptions options;
    std::vector<std::string> command_line;
};

Format parse_table_format(const std::string& text) {
    const Format format = parse_format(text);
    if (format != Format::human && format != Format::json) {
        throw_error(ErrorKind::usage, "--format {}: a measurement is human or json", text);
    }
    return format;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

StudyOutcome run_with_progress(const kvm::System& system, const MeasureCommand& command,
                               bool memory_report, const std::stop_token& stop) {
    const auto start = std::chrono::steady_clock::now();
    ProgressLine progress;
    StudyRunner runner(system, *command.study, command.points);
    return runner.run_all(
        command.points, memory_report, stop, [&](std::size_t done, const Point& point) {
            progress.show(
                progress_text(done, command.points.size(), seconds_since(start), point.text()));
        });
}

RunReport report_of(const MeasureCommand& command, const StudyOutcome& outcome) {
    RunReport report;
    report.command = command.command_line;
    std::ranges::transform(outcome.runs, std::back_inserter(report.tests), &StudyRun::test);
    report.not_finished = command.points.size() - outcome.runs.size();
    report.interrupted = report.not_finished != 0 && !outcome.not_possible;
    if (command.study->more_json) {
        report.add_json = [&](nlohmann::ordered_json& json) {
            command.study->more_json(outcome.runs, json);
        };
    }
    return report;
}

std::string text_of(const MeasureCommand& command, const StudyOutcome& outcome,
                    const RunReport& report) {
    std::string text = study_text(*command.study, outcome.runs);
    if (report.not_finished != 0) {
        text += fmt::format("{} {} of {}{}\n", report.interrupted ? "interrupted:" : "ended before",
                            report.not_finished, counted(command.points.size(), "combination"),
                            report.interrupted ? " did not finish" : "");
    }
    return text;
}

ExitCode measure(const MeasureCommand& command) {
    std::optional<OutputFile> output;
    if (!command.options.output.empty()) {
        output.emplace(command.options.output);
    }
    const Format format = command.options.format.value_or(
        format_by_name(command.options.output).value_or(Format::human));
    const bool human = output || format == Format::human;
    const kvm::System system;
    VcpuThread::install_kick_handler();
    const InterruptWatcher interrupts;
    const HostDescription host = describe_host(&system);
    const Calibration calibration = calibrate(system, interrupts.token());
    const std::string head = calibration_text(host, calibration) + "\n";
    if (human) {
        print(head);
    }
    const auto start = std::chrono::steady_clock::now();
    const StudyOutcome outcome =
        run_with_progress(system, command, format == Format::json, interrupts.token());
    RunReport report = report_of(command, outcome);
    report.host = host;
    report.calibration = calibration;
    report.seconds = seconds_since(start);
    const std::string text = text_of(command, outcome, report);
    if (human && !(outcome.not_possible && outcome.runs.empty())) {
        print(text);
    }
    if (output) {
        output->write(format == Format::json ? json_report(report) : head + text);
    } else if (!human) {
        print(json_report(report));
    }
    if (outcome.not_possible) {
        throw Error(*outcome.not_possible);
    }
    return exit_code_of(report);
}

/// Remembers that an option was given, and with what.
void add_axis_option(CLI::App* command, const Axis& axis, MeasureOptions& options) {
    const std::string option = axis.option();
    const auto given = [&options, option](const std::string& text) {
        options.axes.emplace_back(option, text);
    };
    if (axis.kind == Axis::Kind::flag) {
        command->add_flag_callback(
            option, [given] { given("1"); }, axis.option_help());
        if (axis.is_default(1)) {
            command->add_flag_callback(
                "--no-" + axis.name, [given] { given("0"); }, "Do not");
        }
        return;
    }
    add_value(command, option.c_str(),
              axis.is(Axis::list)                ? "LIST"
              : axis.kind == Axis::Kind::seconds ? "SECONDS"
                                                 : "N",
              axis.option_help().c_str(), given);
}

/// What stands below the options.
std::string help_of(const std::vector<const Study*>& modes) {
    constexpr std::size_t columns = 78;
    const std::string head = modes.front()->explanation +
                             " A list has commas between its values, and may have ranges (2,4-8); "
                             "`all` is all names that there are.";
    std::string text = fmt::format("{}\n\n", fmt::join(wrapped(head, columns), "\n"));
    std::set<std::string> explained;
    for (const Study* mode : modes) {
        for (const Axis& axis : mode->axes) {
            if (explained.insert(axis.option()).second) {
                text += axis.values_help();
            }
        }
    }
    return text + "Examples:\n" + modes.front()->examples + "\n" + exit_code_help;
}

void add_study(CLI::App& measurements, Invocation& invocation,
               const std::vector<const Study*>& modes) {
    auto options = std::make_shared<MeasureOptions>();
    const Study& first = *modes.front();
    CLI::App* command = measurements.add_subcommand(first.name, first.summary);
    std::set<std::string> added;
    for (const Study* mode : modes) {
        for (const Axis& axis : mode->axes) {
            if (added.insert(axis.option()).second) {
                add_axis_option(command, axis, *options);
            }
        }
    }
    add_value(command, "--format", "FORMAT", "human (default) or json",
              [options](const std::string& text) { options->format = parse_table_format(text); });
    command
        ->add_option("--output", options->output,
                     "Write the result to this file, as JSON if it is called .json and there\n"
                     "is no --format; the human one still goes to stdout")
        ->type_name("FILE");
    command->footer([modes] { return help_of(modes); });
    command->callback([&invocation, options, name = first.name] {
        const Study& study = study_chosen(name, options->axes);
        if (!options->output.empty()) {
            invocation.outputs = {options->output};
        }
        invocation.action = [command = MeasureCommand{&study, points_of(study, options->axes),
                                                      *options, invocation.command_line}] {
            return measure(command);
        };
    });
}

}  // namespace

void add_measure(CLI::App& program, Invocation& invocation) {
    CLI::App* command =
        program.add_subcommand("measure", "Measure something; one table of distributions");
    command->require_subcommand(1);
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
