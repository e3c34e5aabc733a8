#include "bench/side_by_side.hpp"

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

/// Puts what the work returns into `result`.
Cost cost_of(const Contender& contender, int who, std::uint64_t& result) {
    contender.prepare();
    const double processor = processor_seconds(who);
    const vmm::Stopwatch watch;
    const std::uint64_t start = fenced_tsc();
    result = contender.work();
    const std::uint64_t end = fenced_tsc();
    const double wall = watch.seconds();
    return {static_cast<double>(end - start), wall, processor_seconds(who) - processor};
}

std::vector<double> sorted(const Costs& costs, double Cost::*part) {
    std::vector<double> values(costs.size());
    std::ranges::transform(costs, values.begin(), part);
    std::ranges::sort(values);
    return values;
}

}  // namespace

std::vector<Costs> run_side_by_side(benchmark::State& state,
                                    const std::vector<Contender>& contenders, int who) {
    std::vector<Costs> costs(contenders.size());
    std::uint64_t agreed = 0;
    const auto run = [&](const Contender& contender) {
        std::uint64_t result = 0;
        const Cost cost = cost_of(contender, who, result);
        agreed = agreed == 0 ? result : agreed;
        if (result == 0 || result != agreed) {
            throw std::runtime_error("not the same work: " + contender.name);
        }
        return cost;
    };
    try {
        std::ranges::for_each(contenders, run);
        std::size_t first = 0;
        for ([[maybe_unused]] auto _ : state) {
            for (std::size_t turn = 0; turn < contenders.size(); ++turn) {
                const std::size_t index = (first + turn) % contenders.size();
                costs[index].push_back(run(contenders[index]));
            }
            state.SetIterationTime(costs[0].back().wall);
            ++first;
        }
    } catch (const std::exception& error) {
        state.SkipWithError(error.what());
        return {};
    }
    return costs;
}

double median(const Costs& costs, double Cost::*part) {
    return sorted(costs, part)[costs.size() / 2];
}

double mean(const Costs& costs, double Cost::*part) {
    const std::vector<double> values = sorted(costs, part);
    const auto outliers = static_cast<std::ptrdiff_t>(values.size() / 10);
    const double sum = std::accumulate(values.begin() + outliers, values.end() - outliers, 0.0);
    return sum / static_cast<double>(values.end() - values.begin() - 2 * outliers);
}

}  // namespace nestbed::bench
