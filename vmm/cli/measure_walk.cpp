// nestbed measure walk: what translations cost a guest, beside a process of its host and a model.

#include <memory>

#include "vmm/cli/command.hpp"
#include "vmm/cli/measure_driver.hpp"
#include "vmm/cli/walk_options.hpp"
#include "vmm/cli/walk_plan.hpp"

namespace nestbed::vmm {

void add_measure_walk(CLI::App& measurements, Invocation& invocation) {
    auto options = std::make_shared<WalkOptions>();
    CLI::App* command = measurements.add_subcommand(
        "walk", "The cost of TLB misses, by page sizes and working set, beside a model");
    add_walk_options(command, *options);
    command->footer(walk_help() + exit_code_help);
    command->callback([options, &invocation] {
        call_measure(invocation, options->report, [options] { return walk_plan(*options); });
    });
}

}  // namespace nestbed::vmm
