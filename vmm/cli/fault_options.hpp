// The command line of `nestbed measure fault`.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "vmm/cli/measure_options.hpp"
#include "vmm/cli/measure_plan.hpp"
#include "vmm/study/fault_runs.hpp"

namespace nestbed::vmm {

struct FaultOptions {
    std::vector<fault::Rung> rungs = all_of<fault::Rung, fault::rung_count>();
    FaultSampling sampling;
    ReportOptions report;
};

/// `options` must live as long as `command`.
void add_fault_options(CLI::App* command, FaultOptions& options);

/// What stands below the options in the help.
std::string fault_help();

/// What the command runs.
MeasurePlan fault_plan(const FaultOptions& options);

}  // namespace nestbed::vmm
