// Where the report of a command that runs guests goes, and as what.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "vmm/cli/command.hpp"
#include "vmm/render/format.hpp"

namespace nestbed::vmm {

/// `--format`, `--output` and the like.
struct ReportOptions {
    std::optional<Format> format;
    std::vector<std::string> outputs;  ///< files
    bool to_stdout = false;            ///< `--output -`
    bool anonymous = false;
    bool histograms = false;
    std::optional<std::string> resume;  ///< one of the outputs, to be gone on with

    /// `--format` is about standard output if that is all there is, or asked for by `-`; where it
    /// is about files, standard output has the human report.
    bool prints_format() const { return outputs.empty() || to_stdout; }
    Format printed() const {
        return prints_format() ? format.value_or(human_format) : human_format;
    }
};

/// `options` must live as long as `command`.
void add_report_options(CLI::App* command, ReportOptions& options);

/// `--resume`, for commands that can.
void add_resume_option(CLI::App* command, ReportOptions& options);

/// The first of the outputs that is to be a JSON file; nothing if there is none.
std::optional<std::string> json_file_of(const ReportOptions& options);

/// Throws Error(usage) if one of them has no effect or contradicts another.
void refuse_unused(const ReportOptions& options);

/// What a command runs, and how its human report looks.
struct ReportedRun {
    /// Fills the report as far as it comes, until a stop is requested; `for_json`: with what only
    /// that has a place for.
    std::function<void(RunReport& report, bool for_json, const std::stop_token& stop)> run;
    /// What is still to be said on standard output; nothing if nothing was run.
    std::function<std::string(const RunReport& report)> end;
    /// All of it.
    std::function<void(const RunReport& report, const TextSink& sink)> whole;
    std::optional<MeasuringOrder> order = {};  ///< of a study's combinations
    std::function<void()> written = {};        ///< all outputs are; may be empty
    FlakyTests flaky = FlakyTests::pass;
};

/// Whatever happens once the files are open, an interrupt (interrupt.hpp) at any moment among it,
/// the report of it is written to each of them. Then throws the run's error if it has one, and else
/// that of its outputs.
ExitCode run_and_report(const ReportOptions& options, const std::vector<std::string>& command_line,
                        const ReportedRun& command);

}  // namespace nestbed::vmm
