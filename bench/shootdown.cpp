// Shootdowns of each protocol, for comparison from one version to the next. An iteration is a
// shootdown. With each protocol stands the ratio to a bare round trip that the same run measured,
// which is what the software's own share is judged by.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bench/guest_measurement.hpp"
#include "bench/run_benchmarks.hpp"
#include "vmm/study/shootdown_runs.hpp"
#include "vmm/study/shootdown_table.hpp"

namespace nestbed::bench {

namespace {

using shootdown::ProtocolId;
using shootdown::TargetState;
using vmm::ShootdownCombination;
using vmm::TestResult;

constexpr std::int64_t samples = 200;

/// The median over that of a bare round trip, with one page and one target: of an interrupt's, or
/// of a cache line's for the protocol that polls. Nothing for the one that waits for ticks.
std::optional<double> limit_of(ProtocolId protocol) {
    switch (protocol) {
        case ProtocolId::polled:
            return 1.3;
        case ProtocolId::deferred:
            return std::nullopt;
        default:
            return 1.2;
    }
}

/// A target in user mode, but of the protocol that needs one that polls.
TargetState target_of(ProtocolId protocol) {
    return protocol == ProtocolId::polled ? TargetState::spin : TargetState::user;
}

std::vector<ShootdownCombination> combinations() {
    std::vector<ShootdownCombination> result;
    for (std::uint64_t n = 0; n < shootdown::protocol_count; ++n) {
        const auto protocol = static_cast<ProtocolId>(n);
        for (const std::uint64_t pages : {1, 33}) {
            result.push_back({.protocol = protocol, .pages = pages, .target = target_of(protocol)});
        }
    }
    return result;
}

std::string benchmark_name(const ShootdownCombination& combination) {
    return fmt::format("shootdown/{}/cpus:{}/pages:{}/target:{}", name_of(combination.protocol),
                       combination.cpus, combination.pages, name_of(combination.target));
}

class Bench {
  public:
    /// One benchmark; the ratio to a bare round trip is kept.
    void run(benchmark::State& state, const ShootdownCombination& combination);

    /// Protocols by the ratio at one page.
    void print_ratios() const;

  private:
    GuestBench guest_{vmm::shootdown_guest};
    std::map<ProtocolId, double> ratios_;
};

void Bench::run(benchmark::State& state, const ShootdownCombination& combination) {
    const TestResult result =
        guest_.run("latency", latency_settings(combination, {.samples = samples}));
    const vmm::MeasurementEvent* measured =
        measurement_or_skip(state, result, vmm::measurement::shootdown);
    if (measured == nullptr) {
        return;
    }
    show_median(state, result, *measured);
    show_distribution(state, result, *measured);
    show_kvm_counts(state, result, {"exits", "tlb_flush", "irq_injections"});
    if (const auto ratio = vmm::over_bare_round_trip(result)) {
        state.counters["ratio"] = *ratio;
        if (combination.pages == 1) {
            ratios_[combination.protocol] = *ratio;
        }
    }
}

void Bench::print_ratios() const {
    for (const auto& [protocol, ratio] : ratios_) {
        const char* floor = protocol == ProtocolId::polled ? "cache line's" : "interrupt's";
        const auto limit = limit_of(protocol);
        fmt::print(stderr,
                   "shootdown: one page with {} takes {:.2f} times a bare {} round trip{}\n",
                   name_of(protocol), ratio, floor,
                   limit ? fmt::format(", of {:.1f} allowed: {}", *limit,
                                       ratio <= *limit ? "good" : "TOO MUCH")
                         : "");
    }
}

}  // namespace

int run_benchmarks() {
    return run_guest_benchmarks("shootdown", [] {
        Bench bench;
        for (const ShootdownCombination& combination : combinations()) {
            add_benchmark(
                benchmark_name(combination), benchmark::kMicrosecond, samples,
                [&bench, combination](benchmark::State& state) { bench.run(state, combination); });
        }
        benchmark::RunSpecifiedBenchmarks();
        bench.print_ratios();
    });
}

}  // namespace nestbed::bench
