// Contenders that do the same work in turn, so that whatever else the host does meets all alike.
#pragma once

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace nestbed::bench {

struct Contender {
    std::string name;
    /// Timed. What it returns must be the same for all contenders, and not 0.
    std::function<std::uint64_t()> work;
    /// Not timed; before each work.
    std::function<void()> prepare = [] {};
};

/// Of a contender, each time that it worked.
struct Costs {
    std::vector<double> cycles;     ///< of the TSC
    std::vector<double> wall;       ///< seconds
    std::vector<double> processor;  ///< seconds in user mode and in the kernel
};

/// Runs all contenders in each of the benchmark's iterations, with another one first each time,
/// after each has run once untimed. `who` takes the processor's time, as of getrusage(2). Returns
/// each one's costs; none, with the benchmark marked as failed, if they disagree or throw. The
/// benchmark's own time is that of the first contender.
std::vector<Costs> run_side_by_side(benchmark::State& state,
                                    const std::vector<Contender>& contenders,
                                    int who = RUSAGE_SELF);

double median(std::vector<double> values);

/// Without the lowest and the highest tenth.
double mean(std::vector<double> values);

}  // namespace nestbed::bench
