// What `nestbed measure` does, once its options are read.
#pragma once

#include <string>
#include <vector>

#include "vmm/cli/confinement_options.hpp"
#include "vmm/cli/exit_code.hpp"
#include "vmm/cli/outputs.hpp"
#include "vmm/study/sweep.hpp"

namespace nestbed::vmm {

/// What a command is to do, all of it checked.
struct MeasureCommand {
    const Study* study;
    std::vector<Point> points;
    Sweep sweep;
    ConfinementOptions confinement;
    ReportOptions output;
    std::vector<std::string> command_line;
};

/// Runs the study's VMs, goes on with what an interrupted run has left, and reports.
ExitCode measure(const MeasureCommand& command);

}  // namespace nestbed::vmm
