#include "vmm/cli/report.hpp"

#include <algorithm>
#include <csignal>

#include "vmm/cli/console.hpp"
#include "vmm/cli/options.hpp"

namespace nestbed::vmm {

namespace {

Format parse_format(const std::string& text) {
    for (const auto& [name, format, ending] : formats) {
        if (name == text) {
            return format;
        }
    }
    throw_error(ErrorKind::usage, "--format {}: must be human, json, junit or tap", text);
}

}  // namespace

void add_report_options(CLI::App* command, ReportOptions& options) {
    add_value(command, "--format", "FORMAT", "human (default), json, junit or tap",
              [&](const std::string& text) { options.format = parse_format(text); });
    add_values(command, "--output", "FILE",
               "Write the report to this file, without --format\n"
               "as .json, .xml (junit) or .tap by its name; may be\n"
               "repeated; the human one still goes to stdout",
               [&](const std::string& text) {
                   if (text.empty()) {
                       throw_error(ErrorKind::usage, "--output: empty, it names no file");
                   }
                   options.outputs.push_back(text);
               });
}

void refuse_unused(const ReportOptions& options) {
    for (const std::string& output : options.outputs) {
        if (std::ranges::count(options.outputs, output) > 1) {
            throw_error(ErrorKind::usage, "--output {}: it is named twice", output);
        }
    }
    if (!options.format) {
        return;
    }
    if (options.outputs.size() > 1) {
        throw_error(ErrorKind::usage,
                    "--format is for one --output; of several each has that of its name");
    }
    for (const std::string& output : options.outputs) {
        if (format_by_name(output).value_or(*options.format) != *options.format) {
            throw_error(ErrorKind::usage, "--output {}: its name and --format are not the same",
                        output);
        }
    }
}

ExitCode run_and_report(const ReportOptions& options, const std::vector<std::string>& command_line,
                        const ReportedRun& command) {
    if (!options.outputs.empty()) {
        // A reader of standard output that goes away is an error like others: there are files to
        // be written.
        ::signal(SIGPIPE, SIG_IGN);
    }
    ReportFiles files(options.outputs, options.format);
    const Format printed = options.printed();
    RunReport report;
    report.command = command_line;
    FirstError run;
    run.attempt([&] { command.run(report, printed == Format::json || files.has(Format::json)); });
    if (!report.error) {
        report.error = run.get();
    }
    FirstError outputs;
    outputs.attempt([&] {
        const std::string end = command.end(report);
        print(printed == Format::human || end.empty() ? end : command.whole(report, printed));
    });
    outputs.attempt(
        [&] { files.write([&](Format format) { return command.whole(report, format); }); });
    if (const auto first = report.first_error()) {
        throw Error(*first);
    }
    outputs.throw_if_any();
    return exit_code_of(report);
}

}  // namespace nestbed::vmm
