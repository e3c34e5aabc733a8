// What the host finds out about a pointer chase when its guest is done.
#pragma once

#include "vmm/machine/machine.hpp"
#include "vmm/report/walk_result.hpp"
#include "vmm/runner/walk_runs.hpp"

namespace nestbed::vmm {

/// Runs the model over the guest's tables and the order of its chain, and then the chase as a
/// process of the host, whose measurements it adds to `result`. Destroys the chain. For a test that
/// passed.
WalkFindings inspect_walk(const Machine& machine, TestResult& result,
                          const WalkCombination& combination, const WalkSampling& sampling);

}  // namespace nestbed::vmm
