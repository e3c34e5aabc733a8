// Running planned tests side by side, started in the order of the plan as soon as there is room: a
// test takes as many slots as it has vCPUs, out of as many as the host has cores, so that vCPUs
// that wait for each other are not kept waiting by another VM's. A test with more vCPUs than there
// are slots takes them all. So it is with memory. Reports come in the order of the plan too,
// whichever test ends first.
#pragma once

#include <cstdint>
#include <functional>
#include <stop_token>
#include <vector>

#include "vmm/result/run_report.hpp"
#include "vmm/run/plan.hpp"

namespace nestbed::vmm {

struct Parallelism {
    std::uint32_t jobs = 1;                    ///< tests at once, at most
    std::uint32_t slots = 1;                   ///< vCPUs at once, at most
    std::uint64_t memory = ~std::uint64_t{0};  ///< bytes of the host's at once, at most
};

/// `jobs` tests at once whatever they need; 0: as many as the cores of this process can take.
Parallelism parallelism(std::uint32_t jobs);

struct RunSteps {
    /// Runs one test, on the calling thread; may throw.
    std::function<TestResult(const PlannedTest&, const std::stop_token&)> run;
    /// This and the next are never called by two threads at once.
    std::function<void(const PlannedTest&)> started;
    /// Of every repetition, in the order of the plan; not of interrupted tests.
    std::function<void(const TestResult&)> finished;
};

/// Fills `report` with what finished, in the order of the plan, and with how the run ended and what
/// it left out. After a stop request, or when a step has thrown, no further test is started and
/// those that run are stopped; after the failure that ends the plan, those that run are waited for.
void run_side_by_side(Plan& plan, const Parallelism& parallelism, const RunSteps& steps,
                      const std::stop_token& stop, RunReport& report);

}  // namespace nestbed::vmm
