// Calls of each kind, for comparison from one version to the next. An iteration is a call. With
// each kind stands the ratio to what a bare loop around KVM_RUN answered in the same run, in turns
// with it.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "bench/guest_measurement.hpp"
#include "bench/run_benchmarks.hpp"
#include "vmm/run/calibrate.hpp"
#include "vmm/study/hypercall_runs.hpp"
#include "vmm/study/hypercall_table.hpp"

namespace nestbed::bench {

namespace {

using vmm::TestResult;

constexpr std::int64_t samples = 500;

class Bench {
  public:
    /// One benchmark; its result is kept.
    void run(benchmark::State& state, const std::string& kind);

    const std::vector<TestResult>& results() const { return results_; }

  private:
    TestResult measure(const std::string& kind) const;

    GuestBench guest_{vmm::hypercall_guest};
    std::vector<TestResult> results_;
};

TestResult Bench::measure(const std::string& kind) const {
    vmm::TestSettings settings = vmm::hypercall_settings({.samples = samples});
    if (vmm::wants_hypercalls(kind)) {
        settings.parameters.emplace_back("hypercalls",
                                         vmm::hypercalls_come_back(guest_.system(), {}) ? 1 : 0);
    }
    return guest_.run(kind, settings);
}

void Bench::run(benchmark::State& state, const std::string& kind) {
    results_.push_back(measure(kind));
    const TestResult& result = results_.back();
    const vmm::MeasurementEvent* measured =
        measurement_or_skip(state, result, vmm::measurement::hypercall);
    if (measured == nullptr) {
        return;
    }
    show_median(state, result, *measured);
    show_distribution(state, result, *measured);
    state.counters["exits"] = vmm::exits_per_call(result).value_or(0);
    if (const auto ratio = vmm::over_bare_loop(result)) {
        state.counters["ratio"] = *ratio;
    }
}

}  // namespace

int run_benchmarks() {
    return run_guest_benchmarks("hypercall", [] {
        Bench bench;
        for (const std::string& kind : vmm::hypercall_kinds()) {
            add_benchmark("hypercall/" + kind, benchmark::kMicrosecond, samples,
                          [&bench, kind](benchmark::State& state) { bench.run(state, kind); });
        }
        benchmark::RunSpecifiedBenchmarks();
        fmt::print(stderr, "{}", vmm::doorbell_line(bench.results()));
    });
}

}  // namespace nestbed::bench
