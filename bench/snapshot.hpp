// A guest before its first instruction, taken from a Machine, for the programs that start the same
// guest without one (bare_vm.h).
#pragma once

#include <cstddef>
#include <vector>

#include "bench/bare_vm.h"
#include "vmm/loader/guest.hpp"
#include "vmm/platform/machine.hpp"

namespace nestbed::bench {

/// A `snapshot`, its pieces and their bytes. `machine` has not run yet, and has one vCPU.
std::vector<std::byte> take_snapshot(const vmm::Guest& guest, const vmm::Machine& machine);

}  // namespace nestbed::bench
