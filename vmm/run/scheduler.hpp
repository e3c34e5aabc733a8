// Running planned tests side by side.
//
// Tests are started in the order of the plan, each as soon as there is room: a test takes as many
// slots as it has vCPUs, out of as many as the host has cores, so that vCPUs that wait for each
// other are not kept waiting by another VM's. A test with more vCPUs than there are slots takes
// them all. Reports come in the order of the plan too, whichever test ends first.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

#include "vmm/base/error.hpp"
#include "vmm/result/test_result.hpp"
#include "vmm/run/plan.hpp"

namespace nestbed::vmm {

struct Parallelism {
    std::uint32_t jobs = 1;   ///< tests at once, at most
    std::uint32_t slots = 1;  ///< vCPUs at once, at most
};

/// `jobs` tests at once whatever they need; 0: as many as the cores that this process may use can
/// take.
Parallelism parallelism(std::uint32_t jobs);

/// Is told what happens. Never called by two threads at once.
struct RunObserver {
    std::function<void(const PlannedTest&)> started;
    /// In the order of the plan; not of interrupted tests.
    std::function<void(const TestResult&)> finished;
};

/// Runs one test, on the calling thread; may throw.
using RunOne = std::function<TestResult(const PlannedTest&, const std::stop_token&)>;

struct RunRecord {
    std::vector<TestResult> results;  ///< of what finished, in the order of the plan
    std::uint64_t not_finished = 0;   ///< tests interrupted or never started
    std::optional<Error> error;       ///< that ended the run
};

/// Returns when all tests have ended. After a stop request, or when `run_one` or the observer has
/// thrown, no further test is started and those that run are stopped.
RunRecord run_side_by_side(const std::vector<PlannedTest>& plan, const Parallelism& parallelism,
                           const RunOne& run_one, const std::stop_token& stop,
                           const RunObserver& observer);

}  // namespace nestbed::vmm
