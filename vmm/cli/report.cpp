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

ReportFiles open_files(const ReportOptions& options) {
    if (!options.outputs.empty()) {
        ::signal(SIGPIPE, SIG_IGN);
    }
    return ReportFiles(options.outputs, options.format);
}

ExitCode finish(const RunReport& report, const std::string& printed, ReportFiles& files,
                const std::function<std::string(Format)>& rendered) {
    FirstError outputs;
    outputs.attempt([&] { print(printed); });
    outputs.attempt([&] { files.write(rendered); });
    if (const auto first = report.first_error()) {
        throw Error(*first);
    }
    outputs.throw_if_any();
    return exit_code_of(report);
}

}  // namespace nestbed::vmm
