// The rungs of the fault ladder, for comparison from one version to the next. An iteration is a
// store.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "bench/guest_measurement.hpp"
#include "bench/run_benchmarks.hpp"
#include "vmm/study/fault_runs.hpp"

namespace nestbed::bench {

namespace {

constexpr std::int64_t samples = 500;

void run(benchmark::State& state, const GuestBench& guest, fault::Rung rung) {
    const vmm::TestResult result =
        guest.run(vmm::fault_test, vmm::fault_settings(rung, {.samples = samples}));
    const vmm::MeasurementEvent* measured = measurement_or_skip(state, result, "store");
    if (measured != nullptr) {
        show_median(state, result, *measured);
        show_distribution(state, result, *measured);
        show_kvm_counts(state, result, {"exits", "pf_fixed", "mmio_exits"});
    }
}

}  // namespace

int run_benchmarks() {
    return run_guest_benchmarks("fault", [] {
        const GuestBench guest(vmm::fault_guest);
        for (std::uint64_t n = 0; n < fault::rung_count; ++n) {
            const auto rung = static_cast<fault::Rung>(n);
            add_benchmark(fmt::format("fault/{}", name_of(rung)), benchmark::kMicrosecond, samples,
                          [&guest, rung](benchmark::State& state) { run(state, guest, rung); });
        }
        benchmark::RunSpecifiedBenchmarks();
    });
}

}  // namespace nestbed::bench
