#include "bench/side_by_side.hpp"

#include <x86intrin.h>

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace nestbed::bench {

namespace {

/// The time-stamp counter when everything before has been done and nothing after has begun.
std::uint64_t fenced_tsc() {
    _mm_lfence();
    const std::uint64_t now = __rdtsc();
    _mm_lfence();
    return now;
}

double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    return *middle;
}

}  // namespace

std::vector<double> run_side_by_side(benchmark::State& state,
                                     const std::vector<Contender>& contenders) {
    std::vector<std::vector<double>> cycles(contenders.size());
    std::uint64_t agreed = 0;
    std::size_t first = 0;
    for ([[maybe_unused]] auto _ : state) {
        for (std::size_t turn = 0; turn < contenders.size(); ++turn) {
            const std::size_t index = (first + turn) % contenders.size();
            const Contender& contender = contenders[index];
            contender.prepare();
            const auto start_time = std::chrono::steady_clock::now();
            const std::uint64_t start = fenced_tsc();
            const std::uint64_t result = contender.work();
            const std::uint64_t end = fenced_tsc();
            const std::chrono::duration<double> time =
                std::chrono::steady_clock::now() - start_time;
            cycles[index].push_back(static_cast<double>(end - start));
            if (index == 0) {
                state.SetIterationTime(time.count());
            }
            agreed = agreed == 0 ? result : agreed;
            if (result == 0 || result != agreed) {
                state.SkipWithError(("not the same work: " + contender.name).c_str());
                return {};
            }
        }
        ++first;
    }
    std::vector<double> medians;
    medians.reserve(cycles.size());
    for (const std::vector<double>& values : cycles) {
        medians.push_back(median(values));
    }
    return medians;
}

}  // namespace nestbed::bench
