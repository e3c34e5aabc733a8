#include "vmm/study/host_chase.hpp"

#include <future>
#include <thread>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {

namespace {

void take_samples(std::uint64_t address, const WalkSampling& sampling, stats::Histogram& cycles,
                  const std::stop_token& stop) {
    for (std::uint64_t n = 0; n < sampling.samples && (n == 0 || !stop.stop_requested()); ++n) {
        const std::uint64_t start = chase::ordered_tsc();
        address = chase::follow(address, sampling.accesses);
        cycles.record(chase::ordered_tsc() - start);
    }
}

/// A thread for each vCPU that there was, from the same places of the chain on.
template <typename Nodes>
stats::Histogram chase_through(const Nodes& nodes, const WalkCombination& combination,
                               const WalkSampling& sampling, const std::stop_token& stop) {
    chase::link(nodes, combination.pattern, sampling.seed);
    // Once around, as the guest goes before its first sample.
    static_cast<void>(chase::length_of_cycle(nodes.address_of(0), nodes.nodes() + 1));
    std::vector<stats::Histogram> of_threads(combination.cpus);
    const std::vector<std::uint32_t> host_cpus = usable_host_cpus();
    // All set out together, or not at all: a thread that cannot be made must not leave the others
    // waiting for it.
    std::promise<bool> start;
    const std::shared_future<bool> started = start.get_future().share();
    std::vector<std::jthread> threads;
    try {
        for (std::uint32_t n = 0; n < combination.cpus; ++n) {
            threads.emplace_back([&, started, n] {
                if (const auto host_cpu = host_cpu_of(sampling.placement, n, host_cpus)) {
                    spread_this_thread_over({&*host_cpu, 1});
                }
                if (started.get()) {
                    take_samples(nodes.address_of(nodes.nodes() * n / combination.cpus), sampling,
                                 of_threads[n], stop);
                }
            });
        }
    } catch (const std::system_error& error) {
        start.set_value(false);
        throw_error(ErrorKind::kernel_refused, "cannot start thread {} of {} for the chase: {}",
                    threads.size() + 1, combination.cpus, error.code().message());
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

HostChase run_host_chase(void* memory, const WalkCombination& combination,
                         const WalkSampling& sampling, const std::stop_token& stop) {
    const auto base = reinterpret_cast<std::uint64_t>(memory);
    const std::uint64_t pages = combination.pages();
    HostChase result;
    result.packed = chase_through(chase::Packed{base, pages}, combination, sampling, stop);
    result.spread = chase_through(chase::Spread{base, pages}, combination, sampling, stop);
    return result;
}

}  // namespace nestbed::vmm
