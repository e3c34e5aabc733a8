// nestbed measure fault: what a store costs, by what is missing when it begins.

#include <memory>

#include "vmm/cli/command.hpp"
#include "vmm/cli/fault_options.hpp"
#include "vmm/cli/measure_driver.hpp"

namespace nestbed::vmm {

void add_measure_fault(CLI::App& measurements, Invocation& invocation) {
    auto options = std::make_shared<FaultOptions>();
    CLI::App* command = measurements.add_subcommand(
        "fault", "The cost of page faults, from a guest's own to memory that its host has not got");
    add_fault_options(command, *options);
    command->footer(fault_help() + exit_code_help);
    command->callback([options, &invocation] {
        call_measure(invocation, options->report, [options] { return fault_plan(*options); });
    });
}

}  // namespace nestbed::vmm
