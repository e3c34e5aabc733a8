// What the benchmark programs have in common, and what each has of its own; main.cpp calls it.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <string>

namespace nestbed::bench {

/// One that says itself how long each of its iterations took.
inline void add_benchmark(const std::string& name, benchmark::TimeUnit unit, int iterations,
                          const std::function<void(benchmark::State&)>& run) {
#ifndef __clang_analyzer__  // which takes what the library keeps for a leak
    benchmark::RegisterBenchmark(name.c_str(), run)
        ->UseManualTime()
        ->Unit(unit)
        ->Iterations(iterations);
#endif
}

/// Whether any benchmark of the program went wrong: Google Benchmark does not say.
inline bool has_failed = false;

/// Ends a benchmark that went wrong, and with it the program's success. What the host has not got
/// is only skipped.
inline void fail(benchmark::State& state, const std::string& reason) {
    has_failed = true;
    state.SkipWithError(reason.c_str());
}

/// Runs those that the command line chooses. Returns the exit status: to choose none is a failure.
inline int run_chosen() { return benchmark::RunSpecifiedBenchmarks() == 0 || has_failed ? 1 : 0; }

/// Registers and runs the program's benchmarks. Returns its exit status; a vmm::Error ends it with
/// a message, and with 0 if it is the host that lacks something.
int run_benchmarks();

}  // namespace nestbed::bench
