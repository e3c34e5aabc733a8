// Whether hypercalls come back on this host's KVM (docs/kvm-hosts.md).
#pragma once

#include <stop_token>

#include "vmm/kvm/system.hpp"

namespace nestbed::vmm {

/// Whether a hypercall comes back here: tried in a VM of its own, which hangs if not. Two seconds
/// at most.
bool hypercalls_come_back(const kvm::System& system, const std::stop_token& stop);

}  // namespace nestbed::vmm
