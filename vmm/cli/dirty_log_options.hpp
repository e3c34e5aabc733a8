// The command line of `nestbed measure dirty-log`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "vmm/cli/measure_options.hpp"
#include "vmm/study/dirty_log_runs.hpp"

namespace nestbed::vmm {

struct DirtyLogOptions {
    DirtyLogAxes axes;
    DirtyLogSampling sampling;
    ReportOptions report;
};

/// `options` must live as long as `command`.
void add_dirty_log_options(CLI::App* command, DirtyLogOptions& options);

/// What stands below the options in the help.
std::string dirty_log_help();

}  // namespace nestbed::vmm
