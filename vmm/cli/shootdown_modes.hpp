// What `nestbed measure shootdown` can measure: latencies, a soak, the crossover.
#pragma once

#include "vmm/cli/measure_plan.hpp"
#include "vmm/cli/shootdown_options.hpp"

namespace nestbed::vmm {

/// Throws Error(bad_input) if two are asked for at once.
MeasurePlan shootdown_plan(const ShootdownOptions& options);

}  // namespace nestbed::vmm
