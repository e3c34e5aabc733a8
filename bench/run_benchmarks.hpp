// What each benchmark program has of its own; main.cpp calls it.
#pragma once

namespace nestbed::bench {

/// Registers and runs the program's benchmarks. Returns its exit status; a vmm::Error ends it with
/// a message, and with 0 if it is the host that lacks something.
int run_benchmarks();

}  // namespace nestbed::bench
