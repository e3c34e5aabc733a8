// What the host makes of a pointer chase when its guest is done: what a model of the processor says
// of it, and what the same chase takes an ordinary process.
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <future>
#include <vector>

#include "shared/channel/layout.hpp"
#include "shared/channel/test_memory.hpp"
#include "shared/chase/chase.hpp"
#include "vmm/base/error.hpp"
#include "vmm/host/describe.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/memory/memory_report.hpp"
#include "vmm/model/model_tables.hpp"
#include "vmm/study/walk.hpp"

namespace nestbed::vmm {

namespace {

using paging::PageSize;
using study::Pattern;

constexpr std::uint64_t huge_page = paging::bytes_of(PageSize::size_2m);

/// What the memory of the working set is really made of. Of transparent huge pages, whether the
/// kernel gave one everywhere: where some are missing, the small ones are what counts.
PageSize host_page_of(const Machine& machine, const Point& point) {
    const auto backing = point.as<Backing>("backing");
    if (backing == Backing::thp) {
        const std::uint64_t touched =
            (point["working_set"] + huge_page - 1) / huge_page * huge_page;
        const HostMemory& host = machine.test_memory()->memory();
        const std::uint64_t huge =
            machine.memory_maps()->resident_pages_of(host.address(), host.size()).anon_huge_pages;
        return huge >= touched ? PageSize::size_2m : PageSize::size_4k;
    }
    return backing == Backing::hugetlb_2m   ? PageSize::size_2m
           : backing == Backing::hugetlb_1g ? PageSize::size_1g
                                            : PageSize::size_4k;
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
WalkCounts replay(Model&& model, const std::vector<std::uint64_t>& way) {
    const std::size_t half = way.size() / 2;
    for (std::size_t n = 0; n < way.size(); ++n) {
        if (n == half) {
            model.start_counting();
        }
        model.access(way[n]);
    }
    return model.counts();
}

/// A table of one stage with the leaves that both sides allow: a process's, or a shadow table.
WalkCounts model_one_stage(const Machine& machine, PageSize leaf,
                           const std::vector<std::uint64_t>& way) {
    ModelTables tables;
    tables.map(channel::layout::test_memory, channel::test_memory_physical,
               machine.test_memory()->size(), leaf);
    const auto reader = [&](paging::PhysAddr address) { return tables.entry_at(address); };
    return replay(
        WalkModel(reader, paging::NoSecondStage{}, tables.root(), {}, caches_of_this_host().caches),
        way);
}

/// The guest's own tables, and a second stage with leaves as large as its memory allows.
WalkCounts model_two_stages(const Machine& machine, PageSize host,
                            const std::vector<std::uint64_t>& way) {
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
    return replay(
        WalkModel(reader, stage, machine.boot_root(), guest, caches_of_this_host().caches), way);
}

/// Has this process map transparent huge pages by entries for 4 KiB: other rights for a part of one
/// split its entry in the page table, and not the page. That stays so when the rights are the same
/// again, until khugepaged comes by.
bool split_entries(const HostMemory& memory, const MemoryMaps& maps) {
    auto* const begin = static_cast<std::byte*>(memory.address());
    for (std::uint64_t offset = 0; offset < memory.size(); offset += huge_page) {
        if (::mprotect(begin + offset, chase::page_bytes, PROT_READ) != 0 ||
            ::mprotect(begin + offset, chase::page_bytes, PROT_READ | PROT_WRITE) != 0) {
            return false;
        }
    }
    const ResidentPages pages = maps.resident_pages_of(begin, memory.size());
    return pages.mapped != 0 && pages.anon_huge_pages == 0;  // and is known to be
}

/// The cycles of a vCPU's samples.
stats::Histogram take_samples(std::uint64_t address, const Point& point,
                              const std::stop_token& stop) {
    const std::uint64_t samples = point["samples"];
    const std::uint64_t accesses = point["accesses"];
    stats::Histogram cycles;
    for (std::uint64_t n = 0; n < samples && (n == 0 || !stop.stop_requested()); ++n) {
        const std::uint64_t start = chase::ordered_tsc();
        address = chase::follow(address, accesses);
        cycles.record(chase::ordered_tsc() - start);
    }
    return cycles;
}

/// A thread for each vCPU that there was, from the same places of the chain on.
template <typename Nodes>
stats::Histogram chase_through(const Nodes& nodes, const Point& point, Placement placement,
                               const std::stop_token& stop) {
    chase::link(nodes, point.as<Pattern>("pattern"), point["seed"]);
    // Once around, as the guest goes before its first sample.
    static_cast<void>(chase::length_of_cycle(nodes.address_of(0), nodes.nodes() + 1));
    const auto cpus = static_cast<std::uint32_t>(point["cpus"]);
    const std::vector<std::uint32_t> host_cpus = usable_host_cpus();
    // All set out together, or not at all: a thread that cannot be made must not leave the others
    // waiting for it.
    std::promise<bool> start;
    const std::shared_future<bool> started = start.get_future().share();
    std::vector<std::future<stats::Histogram>> of_threads;
    of_threads.reserve(cpus);
    try {
        for (std::uint32_t n = 0; n < cpus; ++n) {
            of_threads.push_back(std::async(std::launch::async, [&, started, n] {
                if (const auto host_cpu = host_cpu_of(placement, n, host_cpus)) {
                    spread_this_thread_over({&*host_cpu, 1});
                }
                const std::uint64_t first = nodes.address_of(nodes.nodes() * n / cpus);
                return started.get() ? take_samples(first, point, stop) : stats::Histogram();
            }));
        }
    } catch (...) {
        start.set_value(false);
        throw_error(ErrorKind::kernel_refused, "cannot start thread {} of {} for the chase: {}",
                    of_threads.size() + 1, cpus, current_error().what());
    }
    start.set_value(true);
    stats::Histogram all;
    for (std::future<stats::Histogram>& one : of_threads) {
        all.merge(one.get());
    }
    return all;
}

/// The chase as an ordinary process of the host runs it: the same code, chains, samples and number
/// of threads. In the guest's own memory, which is made of `page`s and which this process has
/// mapped as well, if it can be mapped by entries as large as the guest's TLB entries, `leaf`,
/// were; else in other memory, whose pages are. Throws Error if there are no threads for it.
void chase_in_process(const Point& point, const Machine& machine, PageSize page, PageSize leaf,
                      TestResult& result, const std::stop_token& stop) {
    const HostMemory& guests = machine.test_memory()->memory();
    const bool splits = leaf == PageSize::size_4k && point.as<Backing>("backing") == Backing::thp;
    const bool in_guests_memory =
        leaf == page || (splits && split_entries(guests, *machine.memory_maps()));
    std::optional<HostMemory> other;
    if (!in_guests_memory) {
        const Backing kind = leaf == PageSize::size_4k ? Backing::anon : Backing::thp;
        other = map_backing({.kind = kind, .prefault = true}, point["working_set"]);
    }
    const auto base = reinterpret_cast<std::uint64_t>(other ? other->address() : guests.address());
    const std::uint64_t pages = point["working_set"] / chase::page_bytes;
    const Placement placement = machine.settings().placement;
    const auto packed = chase_through(chase::Packed{base, pages}, point, placement, stop);
    const auto spread = chase_through(chase::Spread{base, pages}, point, placement, stop);
    const std::vector<MeasurementParameter> parameters{
        point.at("accesses").input(),
        point.at("working_set").input(),
        point.at("pattern").input(),
        point.at("cpus").input(),
        {"host_page", paging::bytes_of(leaf), true},
        {"guests_memory", std::uint64_t{in_guests_memory ? 1U : 0U}, true}};
    result.measurements.push_back({measurement::host_chase, "cycles", parameters, spread});
    result.measurements.push_back({measurement::packed_host_chase, "cycles", parameters, packed});
}

}  // namespace

bool has_second_stage() {
    const auto paging = describe_host(nullptr).paging;
    return paging == "ept" || paging == "npt";
}

void inspect_walk(const Point& point, bool second_stage, const Machine& machine, TestResult& result,
                  const std::stop_token& stop) {
    // Twice around, or as far as it takes for the caches to be as full as they get.
    constexpr std::uint64_t enough = 40'000;
    const TestMemory& memory = *machine.test_memory();
    const PageSize page = host_page_of(machine, point);
    const PageSize leaf = std::min(point.as<PageSize>("guest_leaf"), page);
    const auto way = way_of_chain(memory.memory(),
                                  std::min(2 * point["working_set"] / chase::page_bytes, enough));
    const WalkCounts process = model_one_stage(machine, leaf, way);
    const WalkCounts guest = second_stage ? model_two_stages(machine, page, way) : process;
    chase_in_process(point, machine, page, leaf, result, stop);
    add_findings(result, {.leaf = leaf, .guest = guest, .host = process});
}

}  // namespace nestbed::vmm
