// The phases of dirty logging, for comparison from one version to the next. A VM goes through all
// of them once; each phase is a benchmark, and its time is the median for one page.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <array>
#include <string>
#include <vector>

#include "bench/guest_measurement.hpp"
#include "bench/run_benchmarks.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/dirty_log_runs.hpp"

namespace nestbed::bench {

namespace {

using vmm::DirtyLogCombination;
using vmm::TestResult;

constexpr std::int64_t rounds = 20;

/// The guest's names, without the blanks.
constexpr std::array<std::pair<const char*, const char*>, 9> phases{{
    {"populate", "populate"},
    {"write", "write"},
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
    const GuestBench guest(vmm::dirty_log_guest);
    vmm::DirtyLogAxes axes;
    axes.memory = {8 << 20};
    vmm::DirtyLogSampling sampling;
    sampling.rounds = rounds;
    std::vector<Measured> all;
    for (const DirtyLogCombination& combination : combinations_of(axes)) {
        all.push_back({combination,
                       guest.run(vmm::dirty_log_test, dirty_log_settings(combination, sampling))});
    }
    return all;
}

std::string benchmark_name(const DirtyLogCombination& combination, const char* phase) {
    return fmt::format("dirty_log/{}/memory:{}M/cpus:{}/phase:{}", name_of(combination.log),
                       combination.memory >> 20, combination.cpus, phase);
}

void show(benchmark::State& state, const TestResult& result, const char* phase) {
    const vmm::MeasurementEvent* measured = measurement_or_skip(state, result, phase);
    if (measured == nullptr) {
        return;
    }
    const auto pages = static_cast<double>(vmm::number_named(*measured, "pages").value_or(1));
    show_median(state, result, *measured, pages);
    state.counters["samples"] = static_cast<double>(measured->histogram.count());
    state.counters["pages"] = pages;
    for (const char* name : {"ring_full", "violations"}) {
        state.counters[name] = static_cast<double>(vmm::number_named(*measured, name).value_or(0));
    }
}

}  // namespace

int run_benchmarks() {
    return run_guest_benchmarks("dirty_log", [] {
        const std::vector<Measured> all = measure_all();
        for (const Measured& measured : all) {
            for (const auto& [phase, name] : phases) {
                add_benchmark(benchmark_name(measured.combination, name), benchmark::kNanosecond, 1,
                              [&measured, wanted = phase](benchmark::State& state) {
                                  show(state, measured.result, wanted);
                              });
            }
        }
        benchmark::RunSpecifiedBenchmarks();
    });
}

}  // namespace nestbed::bench
