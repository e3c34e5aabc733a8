#include "vmm/cli/shootdown_options.hpp"

#include "shared/channel/abi.hpp"
#include "vmm/cli/shootdown_axes.hpp"

namespace nestbed::vmm {

namespace {

constexpr char experiment_help[] =
    "CPU 0 changes the translations of PAGES pages and shoots them down; the other vCPUs, in the\n"
    "TARGET state, read these pages, all the time or after each shootdown. A sample is the time\n"
    "from the changed entries to the last acknowledgement. If a reader sees an old page after\n"
    "that, the combination fails. Each combination of the lists runs in a VM of its own, one at a\n"
    "time; one that cannot be is skipped with its reason. A list has commas between its values;\n"
    "`all` is all names that there are. /bare is the median over that of a bare round trip in the\n"
    "same run: an IPI whose handler stores a flag, or of polled, a cache line. With several\n"
    "initiators there are no bare round trips, phases or counts of KVM's.\n\n";

constexpr char examples_help[] =
    "Examples:\n"
    "  nestbed measure shootdown\n"
    "  nestbed measure shootdown --protocol all --pages 1 --target user,spin\n"
    "  nestbed measure shootdown --pages 1,2,4,8,16,32,33,34,64,512 --target user\n"
    "  nestbed measure shootdown --cpus 2,4,8 --routing all --samples 1000\n"
    "  nestbed measure shootdown --cpus 4 --initiators 1,2 --spaces all --protocol all\n"
    "  nestbed measure shootdown --pages 64 --flush invlpg,cr3 --threshold 512 --phases\n"
    "  nestbed measure shootdown --soak 60 --protocol all --cpus 4\n"
    "  nestbed measure shootdown --crossover\n"
    "  nestbed measure shootdown --format json --output shootdown.json\n\n";

// Of the guest's experiment (guest/harness/shootdown_experiment.hpp).
constexpr std::uint64_t most_pages = 512;
constexpr std::uint64_t most_initiators = shootdown::max_initiators;
static_assert(most_initiators == 8, "the help says 8");

void add_axes(CLI::App* command, ShootdownAxes& axes) {
    add_names(command, "--protocol", "Shootdown protocols: see below (default global)",
              axes.protocols, all_protocols);
    add_numbers(command, "--cpus",
                "vCPUs, the initiators included (2 to 64; default 2). More than the host has\n"
                "cores shows the host's scheduler",
                axes.cpus, 2, channel::max_cpus);
    add_numbers(command, "--pages",
                "Pages shot down at once (1 to 512; default 1,16). The usual sweep is\n"
                "1,2,4,8,16,32,33,34,64,512",
                axes.pages, 1, most_pages);
    add_names(command, "--target", "What the others do: see below (default user,spin,hlt)",
              axes.targets, all_targets);
    add_names(command, "--routing", "How they are interrupted: see below (default unicast)",
              axes.routings, all_routings);
    add_names(command, "--flush", "What they invalidate with: see below (default invlpg)",
              axes.flushes, all_flushes);
    add_numbers(command, "--initiators", "CPUs that shoot at the same time (1 to 8; default 1)",
                axes.initiators, 1, most_initiators);
    add_names(command, "--spaces", "Their address spaces: see below (default same)", axes.spaces,
              all_spaces);
}

void add_sampling(CLI::App* command, ShootdownSampling& sampling) {
    add_number(command, "--samples", "Shootdowns of each combination (1 to 10000000; default 100)",
               sampling.samples, 1, 10'000'000);
    add_number(command, "--threshold",
               "More pages than this are flushed as everything (0 to 512; default 33, as\n"
               "Linux has it)",
               sampling.threshold, 0, most_pages);
    command->add_flag("--phases", sampling.phases,
                      "Time the steps of a shootdown, too (in shootdowns of their own)");
    add_run_options(command,
                    "Ends a combination that takes longer (default 60); a soak, that much later\n"
                    "than it should end",
                    sampling.timeout, sampling.placement);
    add_backing_options(command, sampling.backing);
}

void add_modes(CLI::App* command, ShootdownOptions& options) {
    constexpr std::uint64_t a_day = 86'400;
    add_value(command, "--soak", "SECONDS",
              "Instead of latencies: random map, remap, protect and unmap from all vCPUs for so\n"
              "long (1 to 86400), for each protocol and number of vCPUs. Violations are counted",
              [&](const std::string& text) {
                  options.soak = std::chrono::seconds(parse_number("--soak", text, 1, a_day));
              });
    add_value(command, "--seed", "N", "Of the soak's random choices (default 1)",
              [&](const std::string& text) {
                  options.seed = parse_number("--seed", text, 0, ~std::uint64_t{0});
              });
    command->add_flag(
        "--crossover", options.crossover,
        "Instead of latencies: from how many pages on a flush of everything is\n"
        "cheaper than one by page, the refill included (one vCPU; with those of --flush\n"
        "that flush everything, default cr3)");
}

}  // namespace

void add_shootdown_options(CLI::App* command, ShootdownOptions& options) {
    add_axes(command, options.axes);
    add_sampling(command, options.sampling);
    add_modes(command, options);
    add_report_options(command, options.report);
}

std::string shootdown_help() { return experiment_help + axes_help() + examples_help; }

}  // namespace nestbed::vmm
