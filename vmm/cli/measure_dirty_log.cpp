// nestbed measure dirty-log: what it costs to know which pages a guest writes.

#include <algorithm>
#include <memory>

#include "vmm/base/error.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/dirty_log_options.hpp"
#include "vmm/cli/measure_driver.hpp"
#include "vmm/cli/measure_plan.hpp"
#include "vmm/study/dirty_log_table.hpp"

namespace nestbed::vmm {

namespace {

MeasurePlan dirty_log_plan(const DirtyLogOptions& options) {
    if (options.sampling.initially_set &&
        std::ranges::find(options.axes.logs, channel::DirtyLogKind::bitmap) ==
            options.axes.logs.end()) {
        throw_error(ErrorKind::usage, "--initially-set: rings begin empty; it is for --log bitmap");
    }
    const std::vector<DirtyLogCombination> combinations = combinations_of(options.axes);
    MeasurePlan plan;
    plan.guest = dirty_log_guest;
    for (const DirtyLogCombination& combination : combinations) {
        plan.runs.push_back({combination.text(), dirty_log_test,
                             dirty_log_settings(combination, options.sampling)});
    }
    plan.text = [combinations](const std::vector<TestResult>& tests) {
        return dirty_log_table(combinations, tests);
    };
    return plan;
}

}  // namespace

void add_measure_dirty_log(CLI::App& measurements, Invocation& invocation) {
    auto options = std::make_shared<DirtyLogOptions>();
    CLI::App* command = measurements.add_subcommand(
        "dirty-log", "The cost of dirty logging, by phase, memory and vCPUs");
    add_dirty_log_options(command, *options);
    command->footer(dirty_log_help() + exit_code_help);
    command->callback([options, &invocation] {
        call_measure(invocation, options->report, [options] { return dirty_log_plan(*options); });
    });
}

}  // namespace nestbed::vmm
