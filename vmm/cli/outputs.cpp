#include "vmm/cli/outputs.hpp"

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "vmm/base/output_file.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/cli/provenance.hpp"

namespace nestbed::vmm {

namespace {

Format parse_format(const std::string& text) {
    const auto format = std::ranges::find(formats, text, &Format::name);
    if (format == formats.end()) {
        throw_error(ErrorKind::usage, "--format {}: must be human, json, csv, junit or tap", text);
    }
    return *format;
}

/// The format that a file's name asks for by its ending, or else the other one.
Format format_by_name(const std::string& file_name, const Format& otherwise) {
    for (const Format& format : formats) {
        if (!format.ending.empty() && file_name.ends_with(format.ending)) {
            return format;
        }
    }
    return otherwise;
}

/// The file that a name leads to.
std::filesystem::path place_of(const std::string& name) {
    std::error_code none;
    const std::filesystem::path place = std::filesystem::weakly_canonical(name, none);
    return none ? std::filesystem::path(name) : place;
}

struct ReportFile {
    OutputFile file;
    Format format;
};

/// Throws Error if one of them cannot be written; old ones are gone then.
std::vector<ReportFile> open_files(const ReportOptions& options) {
    std::vector<ReportFile> files;
    FirstError error;
    for (const std::string& name : options.outputs) {
        const Format format = options.format.value_or(format_by_name(name, human_format));
        error.attempt([&] { files.push_back({OutputFile(name), format}); });
    }
    error.throw_if_any();
    return files;
}

}  // namespace

void add_report_options(CLI::App* command, ReportOptions& options) {
    CLI::Option* format =
        add_value(command, "--format", "FORMAT", "human (default), json, csv, junit or tap",
                  [&](const std::string& text) { options.format = parse_format(text); });
    std::vector<std::string> names;
    for (const Format& each : formats) {
        names.emplace_back(each.name);
    }
    offer(format, names);
    add_values(command, "--output", "FILE",
               "Write the report to this file, without --format\n"
               "as .json, .csv, .xml (junit) or .tap by its name;\n"
               "may be repeated; the human one still goes to stdout",
               [&](const std::string& text) {
                   if (text.empty()) {
                       throw_error(ErrorKind::usage, "--output: empty, it names no file");
                   }
                   options.outputs.push_back(text);
               });
    add_flag(command, "--histogram", "CSV has a row for each bucket, not each measurement",
             [&] { options.histograms = true; });
    add_anonymous_option(command, options.anonymous);
}

void add_resume_option(CLI::App* command, ReportOptions& options) {
    add_value(command, "--resume", "FILE",
              "As --output, and what an interrupted run of the\nsame command has left there is not "
              "measured again",
              [&](const std::string& text) {
                  if (!text.ends_with(json_format.ending)) {
                      throw_error(ErrorKind::usage, "--resume {}: must be a .json file", text);
                  }
                  options.resume = text;
                  options.outputs.push_back(text);
              });
}

std::optional<std::string> json_file_of(const ReportOptions& options) {
    const auto found = std::ranges::find_if(options.outputs, [&](const std::string& name) {
        std::error_code none;
        const auto status = std::filesystem::status(name, none);
        const bool is_file =
            !std::filesystem::exists(status) || std::filesystem::is_regular_file(status);
        return is_file &&
               options.format.value_or(format_by_name(name, human_format)) == json_format;
    });
    return found == options.outputs.end() ? std::nullopt : std::optional(*found);
}

void refuse_unused(const ReportOptions& options) {
    const std::optional<std::string> journaled = json_file_of(options);
    for (const std::string& output : options.outputs) {
        if (journaled && place_of(output) == place_of(*journaled).string() + ".journal") {
            throw_error(ErrorKind::usage, "--output {}: there is the journal of {}", output,
                        *journaled);
        }
        if (output.ends_with(".html")) {
            throw_error(ErrorKind::usage,
                        "--output {}: nestbed report makes pages, of a .json file", output);
        }
    }
    for (const std::string& output : options.outputs) {
        if (std::ranges::count(options.outputs, place_of(output), place_of) > 1) {
            throw_error(ErrorKind::usage, "--output {}: it is named twice", output);
        }
    }
    const bool has_csv = options.format == csv_format ||
                         std::ranges::any_of(options.outputs, [](const std::string& name) {
                             return format_by_name(name, human_format) == csv_format;
                         });
    if (options.histograms && !has_csv) {
        throw_error(ErrorKind::usage, "--histogram: only with --format csv, or an --output .csv");
    }
    if (!options.format) {
        return;
    }
    if (options.outputs.size() > 1) {
        throw_error(ErrorKind::usage,
                    "--format is for one --output; of several each has that of its name");
    }
    for (const std::string& output : options.outputs) {
        if (format_by_name(output, *options.format) != *options.format) {
            throw_error(ErrorKind::usage, "--output {}: its name and --format are not the same",
                        output);
        }
    }
}

ExitCode run_and_report(const ReportOptions& options, const std::vector<std::string>& command_line,
                        const ReportedRun& command) {
    if (!options.outputs.empty()) {
        // A reader that goes away is an error like others: there are files to be written. So is a
        // limit of their size.
        ::signal(SIGPIPE, SIG_IGN);
        ::signal(SIGXFSZ, SIG_IGN);
    }
    std::vector<ReportFile> files = open_files(options);
    const Format printed = options.printed();
    const bool for_json =
        printed == json_format || std::ranges::count(files, json_format, &ReportFile::format) != 0;
    RunReport report;
    report.command = command_line;
    report.histograms = options.histograms;
    if (for_json) {
        report.provenance = begin_provenance(options.anonymous);
        report.provenance.order = command.order;
    }
    FirstError run;
    run.attempt([&] { command.run(report, for_json); });
    if (for_json) {
        end_provenance(report.provenance);
    }
    if (!report.error) {
        report.error = run.get();
    }
    const auto whole = [&](const Format& format) {
        return format.report == nullptr ? command.whole(report) : format.report(report);
    };
    FirstError outputs;
    outputs.attempt([&] {
        const std::string end = command.end(report);
        print(printed == human_format || end.empty() ? end : whole(printed));
    });
    for (auto& [file, format] : files) {
        outputs.attempt([&, &file = file, &format = format] { file.write(whole(format)); });
    }
    if (command.written && !outputs.get() && !report.error) {
        command.written();
    }
    if (const auto first = report.first_error()) {
        throw Error(*first);
    }
    outputs.throw_if_any();
    return exit_code_of(report);
}

}  // namespace nestbed::vmm
