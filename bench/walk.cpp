// Pointer chases through memory whose pages the TLB does not hold, for comparison from one version
// to the next. An iteration is an access; with each stands what the same chase takes in a process
// of the host, and what the model says of both.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <stop_token>

#include "bench/guest_measurement.hpp"
#include "bench/run_benchmarks.hpp"
#include "vmm/memory/huge_pages.hpp"
#include "vmm/study/walk_inspection.hpp"
#include "vmm/study/walk_result.hpp"

namespace nestbed::bench {

namespace {

using vmm::Backing;
using vmm::WalkCombination;

const vmm::WalkSampling sampling;

/// Those that need no preparation of the host.
std::vector<WalkCombination> combinations() {
    vmm::WalkAxes axes;
    axes.leaves = {paging::PageSize::size_4k, paging::PageSize::size_2m};
    axes.backings = {Backing::anon};
    if (!vmm::transparent_huge_page_lack()) {
        axes.backings.push_back(Backing::thp);
    }
    axes.working_sets = {1 << 20, 64 << 20};
    return combinations_of(axes);
}

std::string benchmark_name(const WalkCombination& combination) {
    return fmt::format("walk/leaf:{}/backing:{}/working_set:{}M/{}/cpus:{}",
                       vmm::leaf_name(combination.guest_leaf), backing_name(combination.backing),
                       combination.working_set >> 20, name_of(combination.pattern),
                       combination.cpus);
}

vmm::WalkResult measure(const GuestBench& guest, const WalkCombination& combination) {
    vmm::WalkResult walk{combination, {}, {}};
    vmm::TestSettings settings = walk_settings(combination, sampling);
    settings.inspect = [&](const vmm::Machine& machine, vmm::TestResult& result,
                           const std::stop_token& stop) {
        if (result.verdict == vmm::Verdict::passed) {
            walk.findings =
                inspect_walk(machine, result, combination, sampling, vmm::walk_host(), stop);
        }
    };
    walk.test = guest.run(vmm::walk_test, settings);
    return walk;
}

void run(benchmark::State& state, const GuestBench& guest, const WalkCombination& combination) {
    const vmm::WalkResult walk = measure(guest, combination);
    const vmm::MeasurementEvent* measured =
        measurement_or_skip(state, walk.test, vmm::measurement::chase);
    if (measured == nullptr) {
        return;
    }
    show_median(state, walk.test, *measured, static_cast<double>(sampling.accesses));
    if (const auto figures = figures_of(walk)) {
        state.counters["cycles"] = figures->guest;
        state.counters["translation"] = figures->guest_translation();
        state.counters["host_cycles"] = figures->host;
        state.counters["host_translation"] = figures->host_translation();
    }
    if (walk.findings) {
        state.counters["references"] = walk.findings->guest.references();
        state.counters["host_references"] = walk.findings->host.references();
    }
}

}  // namespace

int run_benchmarks() {
    return run_guest_benchmarks("walk", [] {
        const GuestBench guest(vmm::walk_guest);
        for (const WalkCombination& combination : combinations()) {
            add_benchmark(
                benchmark_name(combination), benchmark::kNanosecond, 1,
                [&guest, combination](benchmark::State& state) { run(state, guest, combination); });
        }
        benchmark::RunSpecifiedBenchmarks();
    });
}

}  // namespace nestbed::bench
