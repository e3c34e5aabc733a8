// Contenders that do the same work in turn, so that whatever else the host does meets all alike.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nestbed::bench {

struct Contender {
    std::string name;
    /// Not timed.
    std::function<void()> prepare;
    /// Timed. What it returns must be the same for all contenders, and not 0.
    std::function<std::uint64_t()> work;
};

/// Runs all contenders in each of the benchmark's iterations, with another one first each time.
/// Returns each one's median in TSC cycles; none, with the benchmark marked as failed, if they
/// disagree. The benchmark's own time is that of the first contender.
std::vector<double> run_side_by_side(benchmark::State& state,
                                     const std::vector<Contender>& contenders);

}  // namespace nestbed::bench
