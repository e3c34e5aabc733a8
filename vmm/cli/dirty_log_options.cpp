#include "vmm/cli/dirty_log_options.hpp"

#include <bit>

#include "shared/channel/abi.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

using channel::DirtyLogKind;

const std::vector<DirtyLogKind> all_logs{DirtyLogKind::bitmap, DirtyLogKind::ring};
const std::vector<chase::Pattern> all_patterns = all_of<chase::Pattern, chase::pattern_count>();

/// Of the test memory.
constexpr std::uint64_t memory_unit = 2 << 20;
/// What the guest has a bitmap for.
constexpr std::uint64_t most_memory = std::uint64_t{32} << 30;

std::vector<std::uint64_t> parse_memories(const std::string& text) {
    std::vector<std::uint64_t> result;
    for (const std::string& size : split_list(text)) {
        const std::uint64_t bytes = parse_size("--memory", size);
        if (bytes == 0 || bytes % memory_unit != 0 || bytes > most_memory) {
            throw_error(ErrorKind::usage, "--memory {}: it is a multiple of 2M from 2M to 32G",
                        size);
        }
        result.push_back(bytes);
    }
    return result;
}

std::uint64_t parse_ring_entries(const std::string& text) {
    const std::uint64_t entries =
        parse_number("--ring-entries", text, 1, channel::max_dirty_ring_entries);
    if (!std::has_single_bit(entries)) {
        throw_error(ErrorKind::usage, "--ring-entries {}: it is a power of two", text);
    }
    return entries;
}

}  // namespace

void add_dirty_log_options(CLI::App* command, DirtyLogOptions& options) {
    DirtyLogAxes& axes = options.axes;
    DirtyLogSampling& sampling = options.sampling;
    add_names(command, "--log", "How KVM keeps it: bitmap, ring, or all (default)", axes.logs,
              all_logs);
    add_value(command, "--memory", "LIST", "Sizes of what is written (default 8M,32M)",
              [&](const std::string& text) { axes.memory = parse_memories(text); });
    add_numbers(command, "--cpus", "vCPUs that write a part of it each (1 to 64; default 1,2)",
                axes.cpus, 1, channel::max_cpus);
    add_number(command, "--rounds", "Times that all is written (2 to 10000; default 5)",
               sampling.rounds, 2, 10'000);
    add_names(command, "--pattern", "Order of the pages: strided (default), random, or all",
              axes.patterns, all_patterns);
    add_number(command, "--writes",
               "Pages of a hundred that are written and not read (default 100)", sampling.writes, 1,
               100);
    command->add_flag("--initially-set", sampling.initially_set,
                      "Bitmaps begin with all pages in them (KVM_DIRTY_LOG_INITIALLY_SET)");
    add_value(command, "--ring-entries", "N",
              "Pages that each vCPU's ring holds, a power of two (default 65536)",
              [&](const std::string& text) { sampling.ring_entries = parse_ring_entries(text); });
    add_backing_options(command, sampling.backing);
    add_run_options(command, "Ends a combination that takes longer (default 60)", sampling.timeout,
                    sampling.placement);
    add_report_options(command, options.report);
}

std::string dirty_log_help() {
    return "The phases of dirty logging, each as its time over all pages of 4 KiB: vCPUs write "
           "all\n"
           "of the memory for the first time (populate) and once more (write); the host has KVM\n"
           "log writes (enable); vCPUs write all of it (dirty); the host collects the log and "
           "clears it; vCPUs write "
           "it\n"
           "again; the host has KVM log no longer (disable). The guest looks for each page that "
           "it\n"
           "wrote in the log: a missing one fails the row.\n"
           "Each combination of the lists runs in a VM of its own.\n\n"
           "Examples:\n"
           "  nestbed measure dirty-log\n"
           "  nestbed measure dirty-log --log ring --ring-entries 4096 --memory 256M\n"
           "  nestbed measure dirty-log --backing thp --cpus 1,2,4 --format json\n\n";
}

}  // namespace nestbed::vmm
