// nestbed measure: the family of measurements.

#include "vmm/cli/command.hpp"

namespace nestbed::vmm {

void add_measure(CLI::App& program, Invocation& invocation) {
    CLI::App* command =
        program.add_subcommand("measure", "Measure something; one table of distributions");
    command->require_subcommand(1);
    command->footer(std::string("nestbed measure NAME --help says more.\n\n") + exit_code_help);
    add_measure_dirty_log(*command, invocation);
    add_measure_shootdown(*command, invocation);
    add_measure_fault(*command, invocation);
    add_measure_walk(*command, invocation);
    add_measure_hypercall(*command, invocation);
}

}  // namespace nestbed::vmm
