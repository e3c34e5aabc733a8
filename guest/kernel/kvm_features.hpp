// What this KVM offers its guests, by CPUID.
#pragma once

#include <cstdint>

namespace nestbed::guest {

/// Whether all of these bits are set in EAX of arch::kvm::leaf_features.
bool has_kvm_features(std::uint32_t bits);

}  // namespace nestbed::guest
