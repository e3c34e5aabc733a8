#include "bench/guest_measurement.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/error.hpp"
#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/result/distribution.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/run/guest_set.hpp"

namespace nestbed::bench {

GuestBench::GuestBench(std::string_view guest) : guest_(vmm::read_builtin(guest)) {
    vmm::VcpuThread::install_kick_handler();
}

vmm::TestResult GuestBench::run(std::string_view test, const vmm::TestSettings& settings) const {
    vmm::TestResult result = run_test(system_, guest_, guest_.test_named(test), settings, {});
    if (result.error) {
        throw vmm::Error(*result.error);
    }
    return result;
}

void add_benchmark(const std::string& name, benchmark::TimeUnit unit, std::int64_t iterations,
                   const std::function<void(benchmark::State&)>& run) {
#ifndef __clang_analyzer__  // which takes what the library keeps for a leak
    benchmark::RegisterBenchmark(name.c_str(), run)
        ->UseManualTime()
        ->Unit(unit)
        ->Iterations(iterations);
#endif
}

int run_guest_benchmarks(const char* name, const std::function<void()>& run) {
    try {
        run();
        return 0;
    } catch (const vmm::Error& error) {
        const bool skipped = error.kind() == vmm::ErrorKind::host_lacks;
        fmt::print(stderr, "{}: {}{}\n", name, skipped ? "skipped: " : "", error.what());
        return skipped ? 0 : 1;
    }
}

const vmm::MeasurementEvent* measurement_or_skip(benchmark::State& state,
                                                 const vmm::TestResult& result,
                                                 std::string_view name) {
    const vmm::MeasurementEvent* measured = measurement_named(result, name);
    if (result.verdict == vmm::Verdict::passed && measured != nullptr && result.tsc_khz != 0) {
        return measured;
    }
    std::string reason = result.reason;
    if (reason.empty()) {
        reason = measured == nullptr ? "the guest reported no measurement"
                                     : "KVM does not say how fast the TSC is";
    }
    state.SkipWithError(fmt::format("{}: {}", verdict_name(result.verdict), reason).c_str());
    return nullptr;
}

void show_median(benchmark::State& state, const vmm::TestResult& result,
                 const vmm::MeasurementEvent& measured, double operations) {
    const auto median = static_cast<double>(vmm::distribution_of(measured.histogram).p50);
    for ([[maybe_unused]] auto _ : state) {
        state.SetIterationTime(vmm::microseconds(median, result.tsc_khz) / 1e6 / operations);
    }
}

void show_distribution(benchmark::State& state, const vmm::TestResult& result,
                       const vmm::MeasurementEvent& measured) {
    const vmm::Distribution cycles = vmm::distribution_of(measured.histogram);
    const auto in_us = [&](std::uint64_t value) {
        return vmm::microseconds(static_cast<double>(value), result.tsc_khz);
    };
    state.counters["mean_us"] = in_us(cycles.mean);
    state.counters["p50_us"] = in_us(cycles.p50);
    state.counters["p90_us"] = in_us(cycles.p90);
    state.counters["p99_us"] = in_us(cycles.p99);
    state.counters["max_us"] = in_us(cycles.max);
}

void show_kvm_counts(benchmark::State& state, const vmm::TestResult& result,
                     std::initializer_list<std::string_view> names) {
    for (const vmm::KvmCount& count : result.kvm_counts.counts) {
        if (std::ranges::find(names, count.name) != names.end()) {
            state.counters[count.name] = count.per_operation;
        }
    }
}

}  // namespace nestbed::bench
