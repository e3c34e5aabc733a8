// What `nestbed measure walk` runs.
#pragma once

#include "vmm/cli/measure_plan.hpp"
#include "vmm/cli/walk_options.hpp"

namespace nestbed::vmm {

MeasurePlan walk_plan(const WalkOptions& options);

}  // namespace nestbed::vmm
