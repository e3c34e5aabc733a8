// Where the report of a command that runs guests goes, and as what.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "vmm/cli/command.hpp"
#include "vmm/render/format.hpp"

namespace nestbed::vmm {

/// `--format` and `--output`.
struct ReportOptions {
    std::optional<Format> format;
    std::vector<std::string> outputs;

    /// Standard output has the human report where files have the others.
    Format printed() const {
        return outputs.empty() ? format.value_or(Format::human) : Format::human;
    }
};

/// `options` must live as long as `command`.
void add_report_options(CLI::App* command, ReportOptions& options);

/// Throws Error(usage) if one of them has no effect or contradicts another.
void refuse_unused(const ReportOptions& options);

/// The files that they ask for. From here on a reader of standard output that goes away is an error
/// like others, if there are any: they are still to be written.
ReportFiles open_files(const ReportOptions& options);

/// The end of a run: the last of what goes to standard output, the report to each of the files
/// whatever became of the run, and the exit code. Throws the run's error if it has one, and else
/// that of its outputs.
ExitCode finish(const RunReport& report, const std::string& printed, ReportFiles& files,
                const std::function<std::string(Format)>& rendered);

}  // namespace nestbed::vmm
