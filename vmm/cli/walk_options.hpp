// The command line of `nestbed measure walk`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "vmm/cli/measure_options.hpp"
#include "vmm/cli/measure_plan.hpp"
#include "vmm/study/walk_runs.hpp"

namespace nestbed::vmm {

struct WalkOptions {
    WalkAxes axes;
    WalkSampling sampling;
    ReportOptions report;
};

/// `options` must live as long as `command`.
void add_walk_options(CLI::App* command, WalkOptions& options);

/// What stands below the options in the help.
std::string walk_help();

}  // namespace nestbed::vmm
