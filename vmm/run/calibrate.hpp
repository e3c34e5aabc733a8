// Measuring what this host's KVM costs.
#pragma once

#include <stop_token>

#include "vmm/kvm/system.hpp"
#include "vmm/result/calibration.hpp"

namespace nestbed::vmm {

/// Runs the built-in guest `calibrate`: a second or two, whatever the host. What fails is a problem
/// in the result, not an exception.
Calibration calibrate(const kvm::System& system, const std::stop_token& stop);

/// The part of the calibration that says whether hypercalls come back: tried in a VM of its own,
/// which hangs if not. Throws Error if there is no such VM.
bool hypercalls_come_back(const kvm::System& system, const std::stop_token& stop);

}  // namespace nestbed::vmm
