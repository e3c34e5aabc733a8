// What the studies measure, for comparison from one version to the next: a benchmark for each point
// and measurement, made of the studies' descriptions. The time of one is the median of a single
// VM's samples: the mean of a few hundred is that of the moments when the host ran something else.
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <list>

#include "bench/run_benchmarks.hpp"
#include "shared/shootdown/protocol_names.hpp"
#include "shared/study/shootdown_axes.hpp"
#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/render/study_text.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::bench {

namespace {

using vmm::Point;
using vmm::Study;
using vmm::StudyRun;

/// What of a study is compared: options as for `nestbed measure`, and which of their points.
struct Selection {
    const char* study;
    std::vector<std::pair<std::string, std::string>> options;
    std::function<bool(const Point&)> keeps = [](const Point&) { return true; };
};

/// Targets in user mode, but of the protocol that needs those that poll.
bool is_reached(const Point& point) {
    const bool polls = point.as<shootdown::ProtocolId>("protocol") == shootdown::ProtocolId::polled;
    return polls == (point.as<study::TargetState>("target") == study::TargetState::spin);
}

std::vector<Selection> selections() {
    return {{"shootdown",
             {{"--protocol", "all"},
              {"--pages", "1,33"},
              {"--target", "user,spin"},
              {"--samples", "200"}},
             is_reached},
            {"hypercall", {}},
            {"dirty-log", {{"--memory", "8M"}, {"--rounds", "20"}}},
            {"walk", {{"--guest-leaf", "4k,2m"}, {"--working-set", "1M,64M"}}},
            {"fault", {{"--samples", "500"}}}};
}

/// "shootdown/protocol:global/cpus:2/pages:1/target:user/store".
std::string name_of(const Study& study, const Point& point, const vmm::Measured& measured) {
    std::string name = study.name;
    for (const vmm::AxisValue& value : point.values) {
        if (value.axis->is(vmm::Axis::shown)) {
            name += fmt::format("/{}:{}", value.axis->name, value.text());
        }
    }
    if (std::ranges::count(study.measured, false, &vmm::Measured::hidden) != 1) {
        name += "/" + measured.name;
    }
    std::ranges::replace(name, ' ', '_');
    return name;
}

/// One study's points, each run when the first of its benchmarks is.
class StudyBench {
  public:
    StudyBench(const kvm::System& system, const Selection& selection)
        : study_(vmm::study_chosen(selection.study, selection.options)),
          points_(vmm::points_of(study_, selection.options)) {
        std::erase_if(points_, [&](const Point& point) { return !selection.keeps(point); });
        runner_.emplace(system, study_, points_);
    }

    void add_benchmarks() {
        for (const Point& point : points_) {
            for (const vmm::Measured& measured : study_.measured) {
                if (!measured.label.empty() || measured.hidden) {
                    continue;  // a companion, which some points have
                }
                add_benchmark(name_of(study_, point, measured), benchmark::kMicrosecond, 1,
                              [this, &point, &measured](benchmark::State& state) {
                                  show(state, run_of(point), measured);
                              });
            }
        }
    }

    /// Prints how far below its bars, if it has any, the study is.
    void report() const { fmt::print(stderr, "{}", bars_text(study_, runs_)); }

  private:
    const StudyRun& run_of(const Point& point) {
        const auto found = std::ranges::find_if(runs_, [&](const StudyRun& run) {
            return std::ranges::equal(run.point.values, point.values, {}, &vmm::AxisValue::value,
                                      &vmm::AxisValue::value);
        });
        return found != runs_.end() ? *found : runs_.emplace_back(runner_->run(point, false, {}));
    }

    void show(benchmark::State& state, const StudyRun& run, const vmm::Measured& measured) const {
        const vmm::TestResult& test = run.test;
        const vmm::MeasurementEvent* found = measurement_named(test, measured.name);
        if (test.verdict != vmm::Verdict::passed || found == nullptr || test.tsc_khz == 0) {
            const std::string reason = test.reason.empty() ? "not measured" : test.reason;
            const std::string text = fmt::format("{}: {}", verdict_name(test.verdict), reason);
            if (test.verdict == vmm::Verdict::skipped) {
                state.SkipWithError(text.c_str());
            } else {
                fail(state, text);
            }
            return;
        }
        const auto operations = static_cast<double>(number_named(*found, measured.per).value_or(1));
        const vmm::Distribution cycles = vmm::distribution_of(found->histogram);
        const auto in_us = [&](std::uint64_t value) {
            return vmm::microseconds(static_cast<double>(value), test.tsc_khz) / operations;
        };
        for ([[maybe_unused]] auto _ : state) {
            state.SetIterationTime(in_us(cycles.p50) / 1e6);
        }
        state.counters["samples"] = static_cast<double>(cycles.count);
        state.counters["p90_us"] = in_us(cycles.p90);
        state.counters["p99_us"] = in_us(cycles.p99);
        state.counters["max_us"] = in_us(cycles.max);
        show_derived(state, run);
    }

    void show_derived(benchmark::State& state, const StudyRun& run) const {
        for (const vmm::Derived& derived : study_.derived) {
            if (const auto number = derived.number(run, {run}); number && derived.group.empty()) {
                state.counters[derived.title] = *number;
            }
        }
        for (const vmm::KvmCount& count : run.test.kvm_counts.counts) {
            if (count.name == "exits" || count.name == "tlb_flush" || count.name == "pf_fixed") {
                state.counters[count.name] = count.per_operation;
            }
        }
    }

    const Study& study_;
    std::vector<Point> points_;
    std::optional<vmm::StudyRunner> runner_;
    vmm::StudyRuns runs_;
};

}  // namespace

/// A measurement without its proof is none, and fails.
int run_benchmarks() {
    const kvm::System system;
    vmm::VcpuThread::install_kick_handler();
    std::list<StudyBench> benches;
    for (const Selection& selection : selections()) {
        benches.emplace_back(system, selection).add_benchmarks();
    }
    const int status = run_chosen();
    for (const StudyBench& bench : benches) {
        bench.report();
    }
    return status;
}

}  // namespace nestbed::bench
