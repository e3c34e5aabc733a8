#include "vmm/cli/shootdown_modes.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/error.hpp"
#include "vmm/study/crossover.hpp"
#include "vmm/study/shootdown_table.hpp"
#include "vmm/study/soak_table.hpp"

namespace nestbed::vmm {

namespace {

using TableOf = std::string(const std::vector<ShootdownResult>&);

/// Runs that are told apart by their combinations, in a table of them.
template <typename SettingsOf>
MeasurePlan plan_of(const char* test, const std::vector<ShootdownCombination>& combinations,
                    const SettingsOf& settings_of, TableOf* table) {
    MeasurePlan plan;
    plan.guest = shootdown_guest;
    for (const ShootdownCombination& combination : combinations) {
        plan.runs.push_back(
            {combination.text(), test, settings_of(combination), wants_hypercalls(combination)});
    }
    plan.text = [combinations, table](const std::vector<TestResult>& tests) {
        std::vector<ShootdownResult> results;
        for (std::size_t n = 0; n < tests.size(); ++n) {
            results.push_back({combinations[n], tests[n]});
        }
        return table(results);
    };
    return plan;
}

MeasurePlan latency_plan(const ShootdownOptions& options) {
    return plan_of(
        "latency", combinations_of(options.axes),
        [&](const auto& combination) { return latency_settings(combination, options.sampling); },
        shootdown_table);
}

MeasurePlan soak_plan(const ShootdownOptions& options) {
    // The soak chooses pages by itself, and what its CPUs do.
    ShootdownAxes axes;
    axes.protocols = options.axes.protocols;
    axes.cpus = options.axes.cpus;
    axes.pages = {1};
    axes.targets = {shootdown::TargetState::user};
    return plan_of(
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

MeasurePlan crossover_plan(const ShootdownOptions& options) {
    MeasurePlan plan;
    plan.guest = shootdown_guest;
    for (const shootdown::FlushPrimitive flush : full_flushes(options)) {
        plan.runs.push_back({fmt::format("crossover, full flush {}", name_of(flush)), "crossover",
                             crossover_settings(flush, options.sampling)});
    }
    plan.text = [](const std::vector<TestResult>& tests) {
        std::string text;
        for (const TestResult& test : tests) {
            text += crossover_text(test) + "\n";
        }
        return text;
    };
    plan.conclude = [](RunReport& report) {
        report.findings.emplace_back("crossovers", crossovers_json(report.tests));
    };
    return plan;
}

}  // namespace

MeasurePlan shootdown_plan(const ShootdownOptions& options) {
    if (options.crossover && options.soak) {
        throw_error(ErrorKind::usage, "--soak and --crossover: one of them at a time");
    }
    if (options.sampling.phases && std::ranges::max(options.axes.initiators) > 1) {
        throw_error(ErrorKind::usage, "--phases: only with one initiator");
    }
    if (options.crossover) {
        return crossover_plan(options);
    }
    return options.soak ? soak_plan(options) : latency_plan(options);
}

}  // namespace nestbed::vmm
