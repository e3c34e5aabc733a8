// The options of `nestbed run`.
#pragma once

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/cli/confinement_options.hpp"
#include "vmm/cli/human_options.hpp"
#include "vmm/cli/outputs.hpp"
#include "vmm/cli/selection_options.hpp"
#include "vmm/run/plan.hpp"

namespace nestbed::vmm {

struct RunOptions {
    SelectionOptions selection;
    TestSettings settings;
    std::string arguments;                 ///< of multiboot guests
    std::vector<std::string> environment;  ///< the same; NAME=VALUE each
    std::optional<std::uint64_t> repeat;
    std::optional<std::uint64_t> shuffle_seed;
    bool fail_fast = false;
    bool until_fail = false;
    std::uint64_t retries = 0;
    bool fail_on_flaky = false;
    std::optional<std::chrono::milliseconds> time_limit;
    std::uint32_t jobs = 0;
    ConfinementOptions confinement;
    ReportOptions report;
    HumanOptions human;

    PlanOrder order() const {
        return {.repeat = repeat.value_or(until_fail ? without_end : 1),
                .shuffle_seed = shuffle_seed,
                .until = until_fail  ? RunUntil::a_test_fails
                         : fail_fast ? RunUntil::first_failure
                                     : RunUntil::done};
    }
};

/// Of all commands that run tests: how long, in which order, what comes of a failure, and the
/// report. `options` must live as long as `command`.
void add_common_options(CLI::App* command, RunOptions& options);

/// With those of `run` alone. The same.
void add_run_options(CLI::App* command, RunOptions& options);

/// Throws Error(usage) if one of them has no effect or contradicts another: it is a
/// misunderstanding.
void refuse_unused(const RunOptions& options);

}  // namespace nestbed::vmm
