#include "vmm/cli/outputs.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <iterator>

#include "vmm/base/near_words.hpp"
#include "vmm/base/output_file.hpp"
#include "vmm/cli/console.hpp"
#include "vmm/cli/interrupt.hpp"
#include "vmm/cli/options.hpp"
#include "vmm/cli/provenance.hpp"
#include "vmm/render/github.hpp"

namespace nestbed::vmm {

namespace {

/// The format that a file's name asks for by its ending.
std::optional<Format> format_by_name(const std::string& file_name) {
    const auto format = std::ranges::find_if(
        formats, [&](const Format& known) { return file_name.ends_with(known.ending); });
    return format == formats.end() ? std::nullopt : std::optional(*format);
}

/// What is there and no file, like /dev/stderr or a pipe, has no ending to go by.
bool is_special(const std::string& name) {
    std::error_code none;
    const auto status = std::filesystem::status(name, none);
    return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status);
}

Format format_of(const ReportOptions& options, const std::string& file_name) {
    const auto by_name = format_by_name(file_name);
    return options.format && !options.prints_format() ? *options.format
                                                      : by_name.value_or(human_format);
}

void refuse_unknown_ending(const std::string& output) {
    const std::string ending = std::filesystem::path(output).extension();
    if (ending == ".html") {
        throw_error(ErrorKind::usage, "--output {}: nestbed report makes pages, of a .json file",
                    output);
    }
    std::vector<std::string> endings;
    std::vector<std::string> explained;
    for (const Format& format : formats) {
        endings.emplace_back(format.ending);
        explained.push_back(fmt::format("{} ({})", format.ending, format.name));
    }
    throw_error(ErrorKind::usage, "--output {}: its ending must be one of {}, or say --format{}",
                output, fmt::join(explained, ", "), did_you_mean(ending, endings));
}

/// The file that a name leads to.
std::filesystem::path place_of(const std::string& name) {
    std::error_code none;
    const std::filesystem::path place = std::filesystem::weakly_canonical(
        std::filesystem::absolute(name, none), none);  // of what is not there yet, too
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
        const Format format = format_of(options, name);
        error.attempt([&] { files.push_back({OutputFile(name), format}); });
    }
    error.throw_if_any();
    return files;
}

/// Names of files that cannot be told what they are to be, or that are those of others.
void refuse_names(const ReportOptions& options) {
    const std::optional<std::string> journaled = json_file_of(options);
    const bool has_format = options.format && !options.prints_format();
    for (const std::string& output : options.outputs) {
        if (journaled && place_of(output) == place_of(*journaled).string() + ".journal") {
            throw_error(ErrorKind::usage, "--output {}: there is the journal of {}", output,
                        *journaled);
        }
        if (!has_format && !format_by_name(output) && !is_special(output)) {
            refuse_unknown_ending(output);
        }
    }
    for (const std::string& output : options.outputs) {
        if (std::ranges::count(options.outputs, place_of(output), place_of) > 1) {
            throw_error(ErrorKind::usage, "--output {}: it is named twice", output);
        }
    }
}

std::vector<Format> formats_of(const ReportOptions& options, const std::vector<ReportFile>& files) {
    std::vector<Format> wanted{options.printed()};
    std::ranges::transform(files, std::back_inserter(wanted), &ReportFile::format);
    return wanted;
}

/// Fills the report as far as the command comes, and with what the formats have a place for.
void run_into(RunReport& report, const ReportOptions& options, const ReportedRun& command,
              const std::vector<Format>& wanted, const std::stop_token& stop) {
    const bool for_json = std::ranges::count(wanted, json_format) != 0;
    if (for_json || std::ranges::count(wanted, junit_format) != 0) {
        report.provenance = begin_provenance(options.anonymous);
        report.provenance.order = command.order;
    }
    FirstError error;
    error.attempt([&] { command.run(report, for_json, stop); });
    if (for_json) {
        end_provenance(report.provenance);
    }
    if (!report.error) {
        report.error = error.get();
    }
}

void write_whole(const Format& format, const ReportedRun& command, const RunReport& report,
                 const TextSink& sink) {
    if (format.write == nullptr) {
        command.whole(report, sink);
    } else {
        format.write(report, sink);
    }
}

void print_end(const Format& printed, const ReportedRun& command, const RunReport& report) {
    if (printed == human_format) {
        print(command.end(report));
        return;
    }
    write_whole(printed, command, report, print_piece);
    print("");  // all of it has arrived
}

}  // namespace

void add_report_options(CLI::App* command, ReportOptions& options) {
    add_choice(command, "--format", "FORMAT", "human (default), json, csv, junit or tap", formats,
               [&](const Format& format) { options.format = format; });
    add_values(command, "--output", "FILE",
               "Write the report to this file, without --format\n"
               "as .json, .csv, .xml (junit), .tap or .txt by its\n"
               "name; may be repeated; the human one still goes to\n"
               "stdout, which - stands for",
               [&](const std::string& text) {
                   if (text.empty()) {
                       throw_error(ErrorKind::usage, "--output: empty, it names no file");
                   }
                   if (text == "-") {
                       if (options.to_stdout) {
                           throw_error(ErrorKind::usage, "--output -: it is named twice");
                       }
                       options.to_stdout = true;
                       return;
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
        return is_file && format_of(options, name) == json_format;
    });
    return found == options.outputs.end() ? std::nullopt : std::optional(*found);
}

void refuse_unused(const ReportOptions& options) {
    refuse_names(options);
    const bool has_csv = options.printed() == csv_format ||
                         std::ranges::any_of(options.outputs, [&](const std::string& name) {
                             return format_of(options, name) == csv_format;
                         });
    if (options.histograms && !has_csv) {
        throw_error(ErrorKind::usage, "--histogram: only with --format csv, or an --output .csv");
    }
    if (!options.format || options.prints_format()) {
        return;
    }
    if (options.outputs.size() > 1) {
        throw_error(ErrorKind::usage,
                    "--format is for one --output; of several each has that of its name");
    }
    const std::string& output = options.outputs.front();
    const Format by_name = format_by_name(output).value_or(human_format);
    // Any text may be called .txt.
    if (by_name != human_format && by_name != *options.format) {
        throw_error(ErrorKind::usage, "--output {}: its name and --format are not the same",
                    output);
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
    // Before there are files that a signal would leave half made; if it cannot be, they say so, and
    // what was not run.
    std::optional<InterruptWatcher> interrupts;
    FirstError no_watcher;
    no_watcher.attempt([&] { interrupts.emplace(); });
    std::stop_source no_run;
    no_run.request_stop();
    std::vector<ReportFile> files = open_files(options);
    std::optional<WithoutWorkflowCommands> unheeded;  // what guests say is printed for a person
    if (options.printed() == human_format) {
        unheeded.emplace();
    }
    RunReport report;
    report.command = command_line;
    report.histograms = options.histograms;
    run_into(report, options, command, formats_of(options, files),
             interrupts ? interrupts->token() : no_run.get_token());
    if (no_watcher.get()) {
        report.error = no_watcher.get();
        report.cut_short.reset();
    }
    FirstError outputs;
    outputs.attempt([&] {
        print_end(options.printed(), command, report);
        if (unheeded) {
            unheeded.reset();
            print(is_github_runner() ? github_annotations(report) : "");
        }
    });
    for (auto& [file, format] : files) {
        outputs.attempt([&, &file = file, &format = format] {
            file.write([&](const TextSink& sink) { write_whole(format, command, report, sink); });
        });
    }
    if (command.written && !outputs.get() && !report.error) {
        command.written();
    }
    if (const auto first = report.first_error()) {
        throw Error(*first);
    }
    outputs.throw_if_any();
    return exit_code_of(report, command.flaky);
}

}  // namespace nestbed::vmm
