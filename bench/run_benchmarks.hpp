// What each benchmark program has of its own; main.cpp calls it.
#pragma once

namespace nestbed::bench {

/// Registers and runs the program's benchmarks. Returns its exit status.
int run_benchmarks();

}  // namespace nestbed::bench
