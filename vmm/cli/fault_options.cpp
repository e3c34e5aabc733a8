#include "vmm/cli/fault_options.hpp"

#include <utility>

#include "shared/channel/abi.hpp"
#include "vmm/study/fault_table.hpp"

namespace nestbed::vmm {

namespace {

const std::vector<fault::Rung> all_rungs = all_of<fault::Rung, fault::rung_count>();

}  // namespace

void add_fault_options(CLI::App* command, FaultOptions& options) {
    add_names(command, "--rung", "What the stores meet, of the list below; or all (default)",
              options.rungs, all_rungs);
    add_number(command, "--samples", "Stores of each rung (1 to 4096; default 256)",
               options.sampling.samples, 1, fault::max_samples);
    add_number(command, "--cpus", "vCPUs that store side by side (1 to 63; default 1)",
               options.sampling.cpus, 1, channel::max_cpus - 1);
    add_backing_option(command, options.sampling.backing);
    add_run_options(command, "Ends a rung that takes longer (default 60)", options.sampling.timeout,
                    options.sampling.placement);
    add_report_options(command, options.report);
}

std::string fault_help() {
    return "A store to a page of memory, from guest user mode, which is native on every host: "
           "what\n"
           "it takes until it completes, by what is missing when it begins. Each rung of the "
           "ladder\n"
           "runs in a VM of its own, and each store is to a page of its own, or to one page of "
           "each\n"
           "huge page that stands behind guest memory.\n\n"
           "  hit                nothing is missing\n"
           "  guest-fault        the guest's PTE is not present; its handler skips the store\n"
           "  guest-upgrade      the guest's PTE is read-only; its handler makes it writable\n"
           "  unmapped           the host has the page, the second stage does not map it\n"
           "  unpopulated        the host has no page\n"
           "  zero-page-upgrade  it has been read only: the host's zero page stands there\n"
           "  discarded          it was written to, and the host has given it back since\n"
           "  dirty-bitmap       the first write since KVM logs writes, in a bitmap\n"
           "  dirty-ring         the same, in a dirty ring\n"
           "  log-ended          the first write since KVM no longer logs them\n"
           "  moved              the memslot was moved away and back while a vCPU read\n"
           "  read-only          the memslot is read-only: the VMM drops the write\n"
           "  paged-out          the page is in the host's swap\n"
           "  userfault-missing  there is no page, and a thread of the VMM brings one in\n"
           "  userfault-minor    the page is there, and a thread of the VMM maps it (memory "
           "files)\n\n"
           "Examples:\n"
           "  nestbed measure fault\n"
           "  nestbed measure fault --rung hit,unmapped,unpopulated --samples 4096\n"
           "  nestbed measure fault --rung userfault-missing --cpus 4\n"
           "  nestbed measure fault --backing thp --format json --output fault.json\n\n";
}

MeasurePlan fault_plan(const FaultOptions& options) {
    MeasurePlan plan;
    plan.guest = fault_guest;
    for (const fault::Rung rung : options.rungs) {
        plan.runs.push_back({name_of(rung), fault_test, fault_settings(rung, options.sampling)});
    }
    plan.text = [rungs = options.rungs](const std::vector<TestResult>& tests) {
        std::vector<FaultResult> results;
        for (std::size_t n = 0; n < tests.size(); ++n) {
            results.push_back({rungs[n], tests[n]});
        }
        return fault_table(results);
    };
    return plan;
}

}  // namespace nestbed::vmm
