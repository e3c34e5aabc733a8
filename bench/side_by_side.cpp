#include "bench/side_by_side.hpp"

#include "bench/run_benchmarks.hpp"

#include <x86intrin.h>

#include <algorithm>
#include <numeric>
#include <stdexcept>

#include "vmm/base/stopwatch.hpp"

namespace nestbed::bench {

namespace {

/// The time-stamp counter when everything before has been done and nothing after has begun.
std::uint64_t fenced_tsc() {
    _mm_lfence();
    const std::uint64_t now = __rdtsc();
    _mm_lfence();
    return now;
}

double processor_seconds(int who) {
    rusage usage{};
    ::getrusage(who, &usage);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Returns what the work returned.
std::uint64_t run(const Contender& contender, int who, Costs& costs) {
    contender.prepare();
    const double processor = processor_seconds(who);
    const vmm::Stopwatch watch;
    const std::uint64_t start = fenced_tsc();
    const std::uint64_t result = contender.work();
    const std::uint64_t end = fenced_tsc();
    costs.wall.push_back(watch.seconds());
    costs.processor.push_back(processor_seconds(who) - processor);
    costs.cycles.push_back(static_cast<double>(end - start));
    return result;
}

}  // namespace

std::vector<Costs> run_side_by_side(benchmark::State& state,
                                    const std::vector<Contender>& contenders, int who) {
    std::uint64_t agreed = 0;
    const auto run_round = [&](std::size_t first, std::vector<Costs>& costs) {
        for (std::size_t turn = 0; turn < contenders.size(); ++turn) {
            const std::size_t index = (first + turn) % contenders.size();
            const std::uint64_t result = run(contenders[index], who, costs[index]);
            agreed = agreed == 0 ? result : agreed;
            if (result == 0 || result != agreed) {
                throw std::runtime_error("not the same work: " + contenders[index].name);
            }
        }
    };
    std::vector<Costs> costs(contenders.size());
    try {
        std::vector<Costs> untimed(contenders.size());
        run_round(0, untimed);
        for ([[maybe_unused]] auto _ : state) {
            run_round(costs[0].wall.size(), costs);
            state.SetIterationTime(costs[0].wall.back());
        }
    } catch (const std::exception& error) {
        fail(state, error.what());
        return {};
    }
    return costs;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

double mean(std::vector<double> values) {
    std::ranges::sort(values);
    const auto outliers = static_cast<std::ptrdiff_t>(values.size() / 10);
    const double sum = std::accumulate(values.begin() + outliers, values.end() - outliers, 0.0);
    return sum / static_cast<double>(values.end() - values.begin() - 2 * outliers);
}

}  // namespace nestbed::bench
