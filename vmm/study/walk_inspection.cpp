#include "vmm/study/walk_inspection.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "shared/channel/layout.hpp"
#include "shared/channel/test_memory.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/memory/memory_report.hpp"
#include "vmm/model/model_tables.hpp"
#include "vmm/model/walk_model.hpp"
#include "vmm/study/host_chase.hpp"

namespace nestbed::vmm {

namespace {

using paging::PageSize;

/// What the memory of the working set is really made of. Of transparent huge pages, whether the
/// kernel gave one everywhere: where some are missing, the small ones are what counts.
PageSize host_page_of(const TestMemory& memory, const WalkCombination& combination) {
    constexpr std::uint64_t huge_page = paging::bytes_of(PageSize::size_2m);
    switch (combination.backing) {
        case Backing::anon:
        case Backing::memfd:
            return PageSize::size_4k;
        case Backing::thp: {
            const std::uint64_t touched =
                (combination.working_set + huge_page - 1) / huge_page * huge_page;
            const HostMemory& host = memory.memory();
            const std::uint64_t huge =
                resident_pages_of(host.address(), host.size()).anon_huge_pages;
            return huge >= touched ? PageSize::size_2m : PageSize::size_4k;
        }
        case Backing::hugetlb_2m:
            return PageSize::size_2m;
        case Backing::hugetlb_1g:
            return PageSize::size_1g;
    }
    return PageSize::size_4k;
}

void add_measurement(TestResult& result, const char* name, const stats::Histogram& cycles,
                     const WalkCombination& combination, const WalkSampling& sampling,
                     PageSize page, bool guests_memory) {
    result.measurements.push_back({name,
                                   "cycles",
                                   {{"accesses", sampling.accesses},
                                    {"working_set", combination.working_set},
                                    {"pattern", std::string(name_of(combination.pattern))},
                                    {"cpus", std::uint64_t{combination.cpus}},
                                    {"host_page", paging::bytes_of(page)},
                                    {"guests_memory", std::uint64_t{guests_memory ? 1U : 0U}}},
                                   cycles});
}

/// Has this process map transparent huge pages by entries for 4 KiB: other rights for a part of one
/// split its entry in the page table, and not the page. That stays so when the rights are the same
/// again, until khugepaged comes by.
bool split_entries(const HostMemory& memory) {
    constexpr std::uint64_t huge_page = paging::bytes_of(PageSize::size_2m);
    constexpr std::uint64_t small_page = paging::bytes_of(PageSize::size_4k);
    auto* const begin = static_cast<std::byte*>(memory.address());
    for (std::uint64_t offset = 0; offset < memory.size(); offset += huge_page) {
        if (::mprotect(begin + offset, small_page, PROT_READ) != 0 ||
            ::mprotect(begin + offset, small_page, PROT_READ | PROT_WRITE) != 0) {
            return false;
        }
    }
    return resident_pages_of(begin, memory.size()).anon_huge_pages == 0;
}

struct ProcessChase {
    HostChase chase;
    bool guests_memory;  ///< it was in the guest's own memory
};

/// In the guest's own memory, which this process has mapped as well, if it can be mapped by entries
/// as large as the guest's TLB entries were; else in other memory, whose pages are.
ProcessChase chase_in_process(const TestMemory& memory, const WalkCombination& combination,
                              const WalkSampling& sampling, PageSize page, PageSize leaf,
                              const std::stop_token& stop) {
    const bool splits = leaf == PageSize::size_4k && combination.backing == Backing::thp;
    if (leaf == page || (splits && split_entries(memory.memory()))) {
        return {run_host_chase(memory.memory().address(), combination, sampling, stop), true};
    }
    const Backing kind = leaf == PageSize::size_4k ? Backing::anon : Backing::thp;
    const HostMemory smaller =
        map_backing({.kind = kind, .prefault = true}, combination.working_set);
    return {run_host_chase(smaller.address(), combination, sampling, stop), false};
}

/// The linear addresses of the guest's chain, from its first node on: `count` of them, or fewer if
/// it leads out of the test memory.
std::vector<std::uint64_t> way_of_chain(const HostMemory& memory, std::uint64_t count) {
    std::vector<std::uint64_t> way;
    std::uint64_t offset = chase::Spread{0, 1}.address_of(0);
    while (way.size() < count && offset <= memory.size() - sizeof(std::uint64_t)) {
        way.push_back(channel::layout::test_memory + offset);
        std::uint64_t next = 0;
        std::memcpy(&next, static_cast<const std::byte*>(memory.address()) + offset, sizeof next);
        offset = next - channel::layout::test_memory;
    }
    return way;
}

/// Warms the caches up with the first half and counts over the second.
template <typename Model>
ModelledWalks replay(Model&& model, const std::vector<std::uint64_t>& way) {
    const std::size_t half = way.size() / 2;
    for (std::size_t n = 0; n < way.size(); ++n) {
        if (n == half) {
            model.start_counting();
        }
        model.access(way[n]);
    }
    const WalkCounts& counts = model.counts();
    const auto per_access = [&](std::uint64_t count) {
        return static_cast<double>(count) / static_cast<double>(counts.accesses);
    };
    ModelledWalks walks{.misses = per_access(counts.misses),
                        .guest = per_access(counts.guest_references()),
                        .second_stage = per_access(counts.second_stage_references())};
    std::ranges::transform(counts.guest, walks.guest_by_level.begin(), per_access);
    std::ranges::transform(counts.second_stage, walks.second_stage_by_level.begin(), per_access);
    return walks;
}

/// A table of one stage with the leaves that both sides allow: a process's, or a shadow table.
ModelledWalks model_one_stage(const Machine& machine, PageSize leaf,
                              const std::vector<std::uint64_t>& way,
                              const TranslationCaches& caches) {
    ModelTables tables;
    tables.map(channel::layout::test_memory, channel::test_memory_physical,
               machine.test_memory()->size(), leaf);
    const auto reader = [&](paging::PhysAddr address) { return tables.entry_at(address); };
    return replay(WalkModel(reader, paging::NoSecondStage{}, tables.root(), {}, caches), way);
}

/// The guest's own tables, and a second stage with leaves as large as its memory allows.
ModelledWalks model_two_stages(const Machine& machine, PageSize host,
                               const std::vector<std::uint64_t>& way,
                               const TranslationCaches& caches) {
    const GuestMemory& memory = machine.memory();
    ModelTables tables;
    // KVM uses no leaf that reaches beyond its memslot.
    const PageSize low = memory.size() % paging::bytes_of(host) == 0 ? host : PageSize::size_2m;
    tables.map(0, 0, memory.size(), low);
    tables.map(channel::test_memory_physical, channel::test_memory_physical,
               machine.test_memory()->size(), host);
    const auto reader = [&](paging::PhysAddr address) {
        return address.raw() < ModelTables::base ? memory.read<std::uint64_t>(address.raw())
                                                 : tables.entry_at(address);
    };
    const paging::NptStage stage{.root = tables.root()};
    const paging::ControlState guest{.format = machine.features().entry_format()};
    return replay(WalkModel(reader, stage, machine.boot_root(), guest, caches), way);
}

}  // namespace

WalkHost walk_host() {
    const std::string paging = describe_host(nullptr).paging;
    HostCaches caches = caches_of_this_host();
    return {.second_stage = paging == "ept" || paging == "npt",
            .caches = caches.caches,
            .source = std::move(caches.source)};
}

WalkFindings inspect_walk(const Machine& machine, TestResult& result,
                          const WalkCombination& combination, const WalkSampling& sampling,
                          const WalkHost& host, const std::stop_token& stop) {
    const PageSize host_page = host_page_of(*machine.test_memory(), combination);
    WalkFindings findings;
    findings.leaf = std::min(combination.guest_leaf, host_page);
    // Twice around, or as far as it takes for the caches to be as full as they get.
    constexpr std::uint64_t enough = 40'000;
    const auto way =
        way_of_chain(machine.test_memory()->memory(), std::min(2 * combination.pages(), enough));
    findings.host = model_one_stage(machine, findings.leaf, way, host.caches);
    findings.guest =
        host.second_stage ? model_two_stages(machine, host_page, way, host.caches) : findings.host;
    const ProcessChase process = chase_in_process(*machine.test_memory(), combination, sampling,
                                                  host_page, findings.leaf, stop);
    add_measurement(result, measurement::host_chase, process.chase.spread, combination, sampling,
                    findings.leaf, process.guests_memory);
    add_measurement(result, measurement::packed_host_chase, process.chase.packed, combination,
                    sampling, findings.leaf, process.guests_memory);
    return findings;
}

}  // namespace nestbed::vmm
