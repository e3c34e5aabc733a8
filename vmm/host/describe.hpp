// Finding out what this host is.
#pragma once

#include "vmm/host/host_description.hpp"
#include "vmm/kvm/system.hpp"

namespace nestbed::vmm {

/// Reads /proc and /sys and asks CPUID; asks KVM too, unless `system` is null. Never throws for
/// what a host has not got: that part of the description stays empty.
HostDescription describe_host(const kvm::System* system);

}  // namespace nestbed::vmm
