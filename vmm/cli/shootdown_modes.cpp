#include "vmm/cli/shootdown_modes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/error.hpp"
#include "vmm/report/crossover.hpp"
#include "vmm/report/shootdown_table.hpp"
#include "vmm/report/soak_table.hpp"

namespace nestbed::vmm {

namespace {

using TableOf = std::string(const std::vector<ShootdownResult>&);

/// Runs that are told apart by their combinations, in a table of them.
template <typename SettingsOf>
ShootdownMode mode_of(const char* test, const std::vector<ShootdownCombination>& combinations,
                      const SettingsOf& settings_of, TableOf* table) {
    ShootdownMode mode;
    mode.test = test;
    for (const ShootdownCombination& combination : combinations) {
        mode.runs.push_back(
            {combination.text(), settings_of(combination), wants_hypercalls(combination)});
    }
    mode.text = [combinations, table](const std::vector<TestResult>& tests) {
        std::vector<ShootdownResult> results;
        for (std::size_t n = 0; n < tests.size(); ++n) {
            results.push_back({combinations[n], tests[n]});
        }
        return table(results);
    };
    return mode;
}

ShootdownMode latency_mode(const ShootdownOptions& options) {
    return mode_of(
        "latency", combinations_of(options.axes),
        [&](const auto& combination) { return latency_settings(combination, options.sampling); },
        shootdown_table);
}

ShootdownMode soak_mode(const ShootdownOptions& options) {
    // The soak chooses pages by itself, and what its CPUs do.
    ShootdownAxes axes;
    axes.protocols = options.axes.protocols;
    axes.cpus = options.axes.cpus;
    axes.pages = {1};
    axes.targets = {shootdown::TargetState::user};
    return mode_of(
        "soak", combinations_of(axes),
        [&](const auto& combination) {
            return soak_settings(combination, options.sampling, *options.soak, options.seed);
        },
        soak_table);
}

/// What everything is flushed with: those of `--flush` that do so, or a load of CR3.
std::vector<shootdown::FlushPrimitive> full_flushes(const ShootdownOptions& options) {
    std::vector<shootdown::FlushPrimitive> result = options.axes.flushes;
    std::erase_if(result, shootdown::is_by_page);
    return result.empty() ? std::vector{shootdown::FlushPrimitive::cr3} : result;
}

ShootdownMode crossover_mode(const ShootdownOptions& options) {
    ShootdownMode mode;
    mode.test = "crossover";
    for (const shootdown::FlushPrimitive flush : full_flushes(options)) {
        mode.runs.push_back({fmt::format("crossover, full flush {}", name_of(flush)),
                             crossover_settings(flush, options.sampling)});
    }
    mode.text = [](const std::vector<TestResult>& tests) {
        std::string text;
        for (const TestResult& test : tests) {
            text += crossover_text(test) + "\n";
        }
        return text;
    };
    mode.conclude = [](RunReport& report) {
        for (const TestResult& test : report.tests) {
            if (test.verdict == Verdict::passed) {
                report.crossovers.push_back(find_crossover(test));
            }
        }
    };
    return mode;
}

}  // namespace

ShootdownMode shootdown_mode(const ShootdownOptions& options) {
    if (options.crossover && options.soak) {
        throw_error(ExitCode::bad_input, "--soak and --crossover: one of them at a time");
    }
    if (options.sampling.phases && std::ranges::max(options.axes.initiators) > 1) {
        throw_error(ExitCode::bad_input, "--phases: only with one initiator");
    }
    if (options.crossover) {
        return crossover_mode(options);
    }
    return options.soak ? soak_mode(options) : latency_mode(options);
}

}  // namespace nestbed::vmm
