// The phases of dirty logging, for comparison from one version to the next. A VM goes through all
// of them once; each phase is a benchmark, and its time is the median for one page.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "bench/run_benchmarks.hpp"
#include "vmm/error.hpp"
#include "vmm/report/distribution.hpp"
#include "vmm/report/measurements.hpp"
#include "vmm/runner/dirty_log_runs.hpp"
#include "vmm/runner/guest_set.hpp"

namespace nestbed::bench {

namespace {

using vmm::DirtyLogCombination;
using vmm::TestResult;

constexpr std::int64_t rounds = 20;

/// The guest's names, without the blanks.
constexpr std::array<std::pair<const char*, const char*>, 8> phases{{
    {"populate", "populate"},
    {"enable", "enable"},
    {"dirty", "dirty"},
    {"collect", "collect"},
    {"clear", "clear"},
    {"dirty again", "dirty_again"},
    {"disable", "disable"},
    {"dirty unlogged", "dirty_unlogged"},
}};

/// A combination's VM has run.
struct Measured {
    DirtyLogCombination combination;
    TestResult result;
};

std::vector<Measured> measure_all() {
    vmm::VcpuThread::install_kick_handler();
    const kvm::System system;
    const vmm::Guest guest = vmm::read_builtin(vmm::dirty_log_guest);
    vmm::DirtyLogAxes axes;
    axes.memory = {8 << 20};
    vmm::DirtyLogSampling sampling;
    sampling.rounds = rounds;
    std::vector<Measured> all;
    for (const DirtyLogCombination& combination : combinations_of(axes)) {
        all.push_back({combination, run_test(system, guest, guest.test_named(vmm::dirty_log_test),
                                             dirty_log_settings(combination, sampling), {})});
    }
    return all;
}

void show(benchmark::State& state, const TestResult& result, const char* phase) {
    const vmm::MeasurementEvent* measured = measurement_named(result, phase);
    if (result.verdict != vmm::Verdict::passed || measured == nullptr || result.tsc_khz == 0) {
        state.SkipWithError(
            fmt::format("{}: {}", verdict_name(result.verdict), result.reason).c_str());
        return;
    }
    const vmm::Distribution cycles = vmm::distribution_of(measured->histogram);
    const auto pages = static_cast<double>(vmm::number_named(*measured, "pages").value_or(1));
    for ([[maybe_unused]] auto _ : state) {
        state.SetIterationTime(vmm::microseconds(static_cast<double>(cycles.p50), result.tsc_khz) /
                               1e6 / pages);
    }
    state.counters["samples"] = static_cast<double>(cycles.count);
    state.counters["pages"] = pages;
    for (const char* name : {"ring_full", "violations"}) {
        state.counters[name] = static_cast<double>(vmm::number_named(*measured, name).value_or(0));
    }
}

}  // namespace

int run_benchmarks() {
    std::vector<Measured> all;
    try {
        all = measure_all();
    } catch (const vmm::Error& error) {
        fmt::print(stderr, "dirty_log: skipped: {}\n", error.what());
        return 0;
    }
#ifndef __clang_analyzer__  // which takes what the library keeps for a leak
    for (const Measured& measured : all) {
        for (const auto& [phase, name] : phases) {
            const DirtyLogCombination& combination = measured.combination;
            benchmark::RegisterBenchmark(
                fmt::format("dirty_log/{}/memory:{}M/cpus:{}/phase:{}", name_of(combination.log),
                            combination.memory >> 20, combination.cpus, name)
                    .c_str(),
                [&measured, wanted = phase](benchmark::State& state) {
                    show(state, measured.result, wanted);
                })
                ->UseManualTime()
                ->Unit(benchmark::kNanosecond)
                ->Iterations(1);
        }
    }
#endif
    benchmark::RunSpecifiedBenchmarks();
    return 0;
}

}  // namespace nestbed::bench
