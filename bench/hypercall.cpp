// Calls of each kind, for comparison from one version to the next. An iteration is a call; all
// iterations of a benchmark are of one VM, and the time of each is given as their median: the mean
// of a few hundred is that of the moments when the host ran something else. With each kind stands
// the ratio to what a bare loop around KVM_RUN answered in the same run, in turns with it.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "bench/run_benchmarks.hpp"
#include "vmm/error.hpp"
#include "vmm/report/distribution.hpp"
#include "vmm/report/hypercall_table.hpp"
#include "vmm/report/measurements.hpp"
#include "vmm/runner/guest_set.hpp"
#include "vmm/runner/hypercall_probe.hpp"
#include "vmm/runner/hypercall_runs.hpp"
#include "vmm/runner/shootdown_runs.hpp"

namespace nestbed::bench {

namespace {

using vmm::TestResult;

constexpr std::int64_t samples = 500;

/// The VMs, made ready once for all benchmarks.
class Bench {
  public:
    Bench() : guest_(vmm::read_builtin(vmm::hypercall_guest)) {
        vmm::VcpuThread::install_kick_handler();
    }

    /// One benchmark; its result is kept.
    void run(benchmark::State& state, const std::string& kind);

    const std::vector<TestResult>& results() const { return results_; }

  private:
    TestResult measure(const std::string& kind) const;

    kvm::System system_;
    vmm::Guest guest_;
    std::vector<TestResult> results_;
};

TestResult Bench::measure(const std::string& kind) const {
    vmm::TestSettings settings = vmm::hypercall_settings({.samples = samples});
    if (vmm::wants_hypercalls(kind)) {
        settings.parameters.emplace_back("hypercalls",
                                         vmm::hypercalls_come_back(system_, {}) ? 1 : 0);
    }
    return run_test(system_, guest_, guest_.test_named(kind), settings, {});
}

void Bench::run(benchmark::State& state, const std::string& kind) {
    results_.push_back(measure(kind));
    const TestResult& result = results_.back();
    const vmm::MeasurementEvent* measured = measurement_named(result, vmm::measurement::hypercall);
    if (result.verdict != vmm::Verdict::passed || measured == nullptr || result.tsc_khz == 0) {
        state.SkipWithError(fmt::format("{}: {}", verdict_name(result.verdict),
                                        measured == nullptr || !result.reason.empty()
                                            ? result.reason
                                            : "KVM does not say how fast the TSC is")
                                .c_str());
        return;
    }
    const vmm::Distribution cycles = vmm::distribution_of(measured->histogram);
    const auto in_us = [&](std::uint64_t value) {
        return vmm::microseconds(static_cast<double>(value), result.tsc_khz);
    };
    for ([[maybe_unused]] auto _ : state) {
        state.SetIterationTime(in_us(cycles.p50) / 1e6);
    }
    state.counters["mean_us"] = in_us(cycles.mean);
    state.counters["p50_us"] = in_us(cycles.p50);
    state.counters["p90_us"] = in_us(cycles.p90);
    state.counters["p99_us"] = in_us(cycles.p99);
    state.counters["max_us"] = in_us(cycles.max);
    state.counters["exits"] = vmm::exits_per_call(result).value_or(0);
    if (const auto ratio = vmm::over_bare_loop(result)) {
        state.counters["ratio"] = *ratio;
    }
}

}  // namespace

int run_benchmarks() {
    std::optional<Bench> bench;
    try {
        bench.emplace();
    } catch (const vmm::Error& error) {
        fmt::print(stderr, "hypercall: skipped: {}\n", error.what());
        return 0;
    }
#ifndef __clang_analyzer__  // which takes what the library keeps for a leak
    for (const std::string& kind : vmm::hypercall_kinds()) {
        benchmark::RegisterBenchmark(
            ("hypercall/" + kind).c_str(),
            [&bench, kind](benchmark::State& state) { bench->run(state, kind); })
            ->UseManualTime()
            ->Unit(benchmark::kMicrosecond)
            ->Iterations(samples);
    }
#endif
    benchmark::RunSpecifiedBenchmarks();
    fmt::print(stderr, "{}", vmm::doorbell_line(bench->results()));
    return 0;
}

}  // namespace nestbed::bench
