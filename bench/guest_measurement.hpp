// What the benchmarks of guests have in common: a VM for each, and one of its measurements shown as
// Google Benchmark shows things.
//
// All iterations of such a benchmark are of one VM, and the time of each is given as their median:
// the mean of a few hundred is that of the moments when the host ran something else.
#pragma once

#include <benchmark/benchmark.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>

#include "vmm/kvm/system.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/result/test_result.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::bench {

/// A built-in guest and the KVM that runs it. Throws vmm::Error if either is not to be had.
class GuestBench {
  public:
    explicit GuestBench(std::string_view guest);

    vmm::TestResult run(std::string_view test, const vmm::TestSettings& settings) const;

    const kvm::System& system() const { return system_; }

  private:
    kvm::System system_;
    vmm::Guest guest_;
};

/// A benchmark of so many iterations, whose times `run` gives.
void add_benchmark(const std::string& name, benchmark::TimeUnit unit, std::int64_t iterations,
                   const std::function<void(benchmark::State&)>& run);

/// What run_benchmarks() is to return, once `run()` has run the benchmarks; where no KVM is to be
/// had, that they were skipped is all that is said. `name` is the program's.
int run_guest_benchmarks(const char* name, const std::function<void()>& run);

/// The measurement of that name. If it is not there, null, and the benchmark is skipped with the
/// reason.
const vmm::MeasurementEvent* measurement_or_skip(benchmark::State& state,
                                                 const vmm::TestResult& result,
                                                 std::string_view name);

/// Its median is the time of each iteration, divided by `operations`: how many each sample has.
void show_median(benchmark::State& state, const vmm::TestResult& result,
                 const vmm::MeasurementEvent& measured, double operations = 1);

/// The rest of its distribution, in microseconds, as counters.
void show_distribution(benchmark::State& state, const vmm::TestResult& result,
                       const vmm::MeasurementEvent& measured);

/// What KVM counted per operation, of these counters.
void show_kvm_counts(benchmark::State& state, const vmm::TestResult& result,
                     std::initializer_list<std::string_view> names);

}  // namespace nestbed::bench
