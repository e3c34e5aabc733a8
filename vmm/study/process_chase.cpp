// The pointer chase of `measure_walk` as an ordinary process of the host runs it.
#include <sys/mman.h>

#include <future>
#include <thread>
#include <vector>

#include "shared/chase/chase.hpp"
#include "vmm/base/error.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/memory/memory_report.hpp"
#include "vmm/study/walk.hpp"

namespace nestbed::vmm {

namespace {

using paging::PageSize;
using study::Pattern;

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
    std::vector<stats::Histogram> of_threads(cpus);
    const std::vector<std::uint32_t> host_cpus = usable_host_cpus();
    // All set out together, or not at all: a thread that cannot be made must not leave the others
    // waiting for it.
    std::promise<bool> start;
    const std::shared_future<bool> started = start.get_future().share();
    std::vector<std::jthread> threads;
    try {
        for (std::uint32_t n = 0; n < cpus; ++n) {
            threads.emplace_back([&, started, n] {
                if (const auto host_cpu = host_cpu_of(placement, n, host_cpus)) {
                    spread_this_thread_over({&*host_cpu, 1});
                }
                if (started.get()) {
                    of_threads[n] =
                        take_samples(nodes.address_of(nodes.nodes() * n / cpus), point, stop);
                }
            });
        }
    } catch (const std::system_error& error) {
        start.set_value(false);
        throw_error(ErrorKind::kernel_refused, "cannot start thread {} of {} for the chase: {}",
                    threads.size() + 1, cpus, error.code().message());
    }
    start.set_value(true);
    threads.clear();

    stats::Histogram all;
    for (const stats::Histogram& one : of_threads) {
        all.merge(one);
    }
    return all;
}

}  // namespace

void chase_in_process(const Point& point, const Machine& machine, PageSize page, PageSize leaf,
                      TestResult& result, const std::stop_token& stop) {
    const HostMemory& guests = machine.test_memory()->memory();
    const bool splits = leaf == PageSize::size_4k && point.as<Backing>("backing") == Backing::thp;
    const bool in_guests_memory = leaf == page || (splits && split_entries(guests));
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
        {"host_page", paging::bytes_of(leaf)},
        {"guests_memory", std::uint64_t{in_guests_memory ? 1U : 0U}}};
    result.measurements.push_back({measurement::host_chase, "cycles", parameters, spread});
    result.measurements.push_back({measurement::packed_host_chase, "cycles", parameters, packed});
}

}  // namespace nestbed::vmm
