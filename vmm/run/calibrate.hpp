// Measuring what this host's KVM costs.
#pragma once

#include <stop_token>

#include "vmm/kvm/system.hpp"
#include "vmm/result/calibration.hpp"

namespace nestbed::vmm {

/// Runs the built-in guest `calibrate`: less than a second, whatever the host. What fails is a
/// problem in the result, not an exception.
Calibration calibrate(const kvm::System& system, const std::stop_token& stop);

}  // namespace nestbed::vmm
