// nestbed measure shootdown: the latency of TLB shootdowns, each with the proof that none was
// missed.

#include <memory>

#include "vmm/cli/command.hpp"
#include "vmm/cli/measure_driver.hpp"
#include "vmm/cli/shootdown_modes.hpp"
#include "vmm/cli/shootdown_options.hpp"

namespace nestbed::vmm {

void add_measure_shootdown(CLI::App& measurements, Invocation& invocation) {
    auto options = std::make_shared<ShootdownOptions>();
    CLI::App* command = measurements.add_subcommand(
        "shootdown", "The latency of TLB shootdowns, with proof that none was missed");
    add_shootdown_options(command, *options);
    command->footer(shootdown_help() + exit_code_help);
    command->callback([options, &invocation] {
        call_measure(invocation, options->report, [options] { return shootdown_plan(*options); });
    });
}

}  // namespace nestbed::vmm
