#include <benchmark/benchmark.h>

#include "bench/run_benchmarks.hpp"

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 2;
    }
    return nestbed::bench::run_benchmarks();
}
