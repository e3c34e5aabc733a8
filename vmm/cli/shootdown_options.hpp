// The command line of `nestbed measure shootdown`.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "vmm/cli/measure_options.hpp"
#include "vmm/study/shootdown_runs.hpp"

namespace nestbed::vmm {

struct ShootdownOptions {
    ShootdownAxes axes;
    ShootdownSampling sampling;
    std::optional<std::chrono::seconds> soak;  ///< instead of latencies
    std::uint64_t seed = 1;                    ///< of the soak
    bool crossover = false;                    ///< instead of latencies
    ReportOptions report;
};

/// `options` must live as long as `command`.
void add_shootdown_options(CLI::App* command, ShootdownOptions& options);

/// What stands below the options in the help.
std::string shootdown_help();

}  // namespace nestbed::vmm
