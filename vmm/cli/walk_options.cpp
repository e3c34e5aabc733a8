#include "vmm/cli/walk_options.hpp"

#include <fmt/format.h>

#include "shared/channel/abi.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

using paging::PageSize;

const std::vector<chase::Pattern> all_patterns = all_of<chase::Pattern, chase::pattern_count>();
const std::vector<PageSize> all_leaves{PageSize::size_4k, PageSize::size_2m, PageSize::size_1g};

constexpr std::uint64_t least_working_set = 4 << 10;
constexpr std::uint64_t most_working_set = std::uint64_t{64} << 30;

PageSize parse_leaf(const std::string& text) {
    for (const PageSize leaf : all_leaves) {
        if (text == leaf_name(leaf)) {
            return leaf;
        }
    }
    throw_error(ErrorKind::usage, "--guest-leaf {}: there are 4k, 2m, 1g, all", text);
}

std::vector<PageSize> parse_leaves(const std::string& text) {
    if (text == "all") {
        return all_leaves;
    }
    std::vector<PageSize> result;
    for (const std::string& name : split_list(text)) {
        result.push_back(parse_leaf(name));
    }
    return result;
}

std::vector<Backing> parse_backings(const std::string& text) {
    std::vector<Backing> result;
    for (const std::string& name : split_list(text)) {
        const auto backing = backing_from_name(name);
        if (!backing) {
            throw_error(ErrorKind::usage, "--backing {}: there are {}", name, backing_names());
        }
        result.push_back(*backing);
    }
    return result;
}

std::vector<std::uint64_t> parse_working_sets(const std::string& text) {
    std::vector<std::uint64_t> result;
    for (const std::string& size : split_list(text)) {
        const std::uint64_t bytes = parse_size("--working-set", size);
        if (bytes % chase::page_bytes != 0 || bytes < least_working_set ||
            bytes > most_working_set) {
            throw_error(ErrorKind::usage, "--working-set {}: it is a multiple of 4K from 4K to 64G",
                        size);
        }
        result.push_back(bytes);
    }
    return result;
}

}  // namespace

void add_walk_options(CLI::App* command, WalkOptions& options) {
    WalkAxes& axes = options.axes;
    WalkSampling& sampling = options.sampling;
    add_value(command, "--guest-leaf", "LIST",
              "Pages that the guest maps its working set with: 4k, 2m, 1g, or all\n"
              "(default)",
              [&](const std::string& text) { axes.leaves = parse_leaves(text); });
    add_value(command, "--backing", "LIST",
              "Host memory behind it: anon, thp, memfd, hugetlb-2m, hugetlb-1g (default\n"
              "anon and, where the host has them, thp)",
              [&](const std::string& text) { axes.backings = parse_backings(text); });
    command->add_flag("--prefault", sampling.prefault,
                      "Have the host populate all of it before the guest runs");
    add_value(command, "--working-set", "LIST",
              "Sizes, of which each 4 KiB page has one line that is read (default\n"
              "256K to 1G, as far as it is an eighth of this host's memory)",
              [&](const std::string& text) { axes.working_sets = parse_working_sets(text); });
    add_names(command, "--pattern", "Order of the pages: random (default), strided, or all",
              axes.patterns, all_patterns);
    add_numbers(command, "--cpus", "vCPUs that chase side by side (1 to 64; default 1)", axes.cpus,
                1, channel::max_cpus);
    add_number(command, "--samples", "Samples of each vCPU (1 to 100000; default 100)",
               sampling.samples, 1, 100'000);
    add_number(command, "--accesses", "Accesses of a sample (1 to 10000000; default 1000)",
               sampling.accesses, 1, 10'000'000);
    add_number(command, "--seed", "Of the random order (default 1)", sampling.seed, 0,
               ~std::uint64_t{0});
    add_run_options(command, "Ends a combination that takes longer (default 60)", sampling.timeout,
                    sampling.placement);
    add_report_options(command, options.report);
}

std::string walk_help() {
    return "A chain of loads, each of a page of its own and each waiting for the one before, so "
           "that\n"
           "its time is the latency of TLB misses; in guest user mode, which is native on every\n"
           "host, and then as an ordinary process of this host, in pages as large as the TLB "
           "entries\n"
           "were in the guest. `translation` is what is left when the time of as many cache lines\n"
           "packed into few pages is taken away. `references` are the table entries that a model "
           "of\n"
           "the processor reads for the same tables and the same order of pages. `modelled` is "
           "what\n"
           "translation would take in the guest if each reference cost what it costs the process.\n"
           "Each combination of the lists runs in a VM of its own.\n\n"
           "Examples:\n"
           "  nestbed measure walk\n"
           "  nestbed measure walk --backing anon,thp,hugetlb-2m --working-set 16M,256M,2G\n"
           "  nestbed measure walk --guest-leaf 4k --pattern all --cpus 1,2\n"
           "  nestbed measure walk --format json --output walk.json\n\n";
}

}  // namespace nestbed::vmm
