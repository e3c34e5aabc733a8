#include "vmm/runner/walk_inspection.hpp"

#include <algorithm>
#include <optional>

#include "vmm/machine/backing.hpp"
#include "vmm/runner/host_chase.hpp"

namespace nestbed::vmm {

namespace {

using paging::PageSize;

PageSize host_leaf(Backing backing) {
    switch (backing) {
        case Backing::anon:
        case Backing::memfd:
            return PageSize::size_4k;
        case Backing::thp:
        case Backing::hugetlb_2m:
            return PageSize::size_2m;
        case Backing::hugetlb_1g:
            return PageSize::size_1g;
    }
    return PageSize::size_4k;
}

void add_measurement(TestResult& result, const char* name, const stats::Histogram& cycles,
                     const WalkCombination& combination, const WalkSampling& sampling,
                     PageSize page) {
    result.measurements.push_back({name,
                                   "cycles",
                                   {{"accesses", sampling.accesses},
                                    {"working_set", combination.working_set},
                                    {"pattern", std::string(name_of(combination.pattern))},
                                    {"cpus", std::uint64_t{combination.cpus}},
                                    {"host_page", paging::bytes_of(page)}},
                                   cycles});
}

/// In the guest's own memory, which this process has mapped as well, if its pages are as large as
/// the guest's TLB entries were; else in memory with smaller ones.
HostChase chase_in_process(const TestMemory& memory, const WalkCombination& combination,
                           const WalkSampling& sampling, PageSize leaf) {
    if (leaf == host_leaf(combination.backing)) {
        return run_host_chase(memory.memory().address(), combination, sampling);
    }
    const HostMemory smaller =
        map_backing({.kind = Backing::anon, .prefault = true}, combination.working_set);
    return run_host_chase(smaller.address(), combination, sampling);
}

}  // namespace

WalkFindings inspect_walk(const Machine& machine, TestResult& result,
                          const WalkCombination& combination, const WalkSampling& sampling) {
    WalkFindings findings;
    findings.leaf = std::min(combination.guest_leaf, host_leaf(combination.backing));
    const HostChase chase =
        chase_in_process(*machine.test_memory(), combination, sampling, findings.leaf);
    add_measurement(result, measurement::host_chase, chase.spread, combination, sampling,
                    findings.leaf);
    add_measurement(result, measurement::packed_host_chase, chase.packed, combination, sampling,
                    findings.leaf);
    return findings;
}

}  // namespace nestbed::vmm
