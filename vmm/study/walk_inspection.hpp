// What the host finds out about a pointer chase when its guest is done.
#pragma once

#include <stop_token>

#include "vmm/platform/machine.hpp"
#include "vmm/study/study.hpp"

namespace nestbed::vmm {

/// Whether guests' addresses pass through a second stage here (EPT, NPT); without, through a shadow
/// table that is as deep as a process's.
bool has_second_stage();

/// Runs the model over the guest's tables and the order of its chain, which makes WalkFindings of
/// `result`, and then the chase as a process of the host, whose measurements it adds; with fewer
/// samples if `stop` is requested meanwhile. Destroys the chain. For a test that passed.
void inspect_walk(const Point& point, const Machine& machine, TestResult& result,
                  const std::stop_token& stop);

}  // namespace nestbed::vmm
