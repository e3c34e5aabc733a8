#include <fmt/format.h>

#include <cerrno>

#include "bench/run_benchmarks.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::bench {

void add_benchmark(const std::string& name, benchmark::TimeUnit unit, int iterations,
                   const std::function<void(benchmark::State&)>& run) {
#ifndef __clang_analyzer__  // which takes what the library keeps for a leak
    benchmark::RegisterBenchmark(name.c_str(), run)
        ->UseManualTime()
        ->Unit(unit)
        ->Iterations(iterations);
#endif
}

}  // namespace nestbed::bench

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 2;
    }
    try {
        return nestbed::bench::run_benchmarks();
    } catch (const nestbed::vmm::Error& error) {
        // Where there is no KVM nothing can be measured, and that is all that is said.
        const bool skipped = error.kind() == nestbed::vmm::ErrorKind::host_lacks;
        fmt::print(stderr, "{}: {}{}\n", program_invocation_short_name, skipped ? "skipped: " : "",
                   error.what());
        return skipped ? 0 : 1;
    }
}
