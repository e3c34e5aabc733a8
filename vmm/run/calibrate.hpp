// Measuring what this host's KVM costs, by the built-in guest `calibrate`.
#pragma once

#include <stop_token>

#include "vmm/kvm/system.hpp"
#include "vmm/result/calibration.hpp"
#include "vmm/run/test_settings.hpp"

namespace nestbed::vmm {

/// Takes a second or two, whatever the host. What fails is a problem in the result, no exception.
Calibration calibrate(const kvm::System& system, const Confinement& confinement,
                      const std::stop_token& stop);

/// A part of it: tried in a VM that hangs if they do not. Throws Error if there is no such VM.
bool hypercalls_come_back(const kvm::System& system, const Confinement& confinement,
                          const std::stop_token& stop);

}  // namespace nestbed::vmm
