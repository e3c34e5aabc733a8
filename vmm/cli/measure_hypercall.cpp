// nestbed measure hypercall: the ways from a guest to its VMM, to KVM and to another vCPU.

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "vmm/base/error.hpp"
#include "vmm/cli/command.hpp"
#include "vmm/cli/measure_driver.hpp"
#include "vmm/cli/measure_options.hpp"
#include "vmm/study/hypercall_runs.hpp"
#include "vmm/study/hypercall_table.hpp"

namespace nestbed::vmm {

namespace {

constexpr char help[] =
    "Each kind runs in a VM of its own, one at a time; one that cannot be is skipped with its\n"
    "reason. In each the calls take turns with exits that a bare loop around KVM_RUN answers: the\n"
    "same exit where the kind makes one (bare: same exit), else a write to a port. /bare is the\n"
    "median over that median. exits are those to the VMM per call, counted by it. Calls that\n"
    "would drown in the reading of the clock are timed sixteen at once; clock is what two\n"
    "readings with nothing between take, which is subtracted from nothing.\n\n"
    "Examples:\n"
    "  nestbed measure hypercall\n"
    "  nestbed measure hypercall --kind port,doorbell,mmio --samples 5000\n"
    "  nestbed measure hypercall --format json --output hypercall.json\n\n";

struct HypercallOptions {
    std::vector<std::string> kinds;  ///< empty: all
    HypercallSampling sampling;
    ReportOptions report;
};

std::vector<std::string> parse_kinds(const std::string& text) {
    const std::vector<std::string> known = hypercall_kinds();
    std::vector<std::string> kinds;
    for (const std::string& name : split_list(text)) {
        if (name == "all") {
            kinds.insert(kinds.end(), known.begin(), known.end());
        } else if (std::ranges::find(known, name) != known.end()) {
            kinds.push_back(name);
        } else {
            throw_error(ErrorKind::usage, "--kind {}: there are {}, all", name,
                        fmt::join(known, ", "));
        }
    }
    return kinds;
}

MeasurePlan hypercall_plan(const HypercallOptions& options) {
    MeasurePlan plan;
    plan.guest = hypercall_guest;
    for (const std::string& kind : options.kinds.empty() ? hypercall_kinds() : options.kinds) {
        plan.runs.push_back(
            {kind, kind, hypercall_settings(options.sampling), wants_hypercalls(kind)});
    }
    plan.text = hypercall_table;
    return plan;
}

}  // namespace

void add_measure_hypercall(CLI::App& measurements, Invocation& invocation) {
    auto options = std::make_shared<HypercallOptions>();
    CLI::App* command = measurements.add_subcommand(
        "hypercall", "What calls to the VMM, to KVM and to another vCPU take");
    add_value(command, "--kind", "LIST",
              "Kinds of calls (default all; nestbed list measure_hypercall shows them)",
              [options](const std::string& text) { options->kinds = parse_kinds(text); });
    add_number(command, "--samples",
               "Samples of each kind (1 to 10000000; default 500), but no\n"
               "more than a second of them",
               options->sampling.samples, 1, 10'000'000);
    add_backing_options(command, options->sampling.backing);
    add_run_options(command, "Ends a kind that takes longer (default 30)",
                    options->sampling.timeout, options->sampling.placement);
    add_report_options(command, options->report);
    command->footer(help + std::string(exit_code_help));
    command->callback([options, &invocation] {
        call_measure(invocation, options->report, [options] { return hypercall_plan(*options); });
    });
}

}  // namespace nestbed::vmm
