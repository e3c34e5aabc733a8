// How every `nestbed measure` command goes: its VMs one after the other, then its text or JSON.
#pragma once

#include <functional>

#include "vmm/cli/command.hpp"
#include "vmm/cli/measure_options.hpp"
#include "vmm/cli/measure_plan.hpp"

namespace nestbed::vmm {

/// Has the program run the plan and report it. `make_plan` is called then, and may throw
/// Error(bad_input). The exit code is success if no run failed and one at least passed.
void call_measure(Invocation& invocation, const ReportOptions& options,
                  const std::function<MeasurePlan()>& make_plan);

}  // namespace nestbed::vmm
