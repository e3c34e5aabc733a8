// The parts of a processor's state that XSAVE saves, in CPUID's leaf DH: those of features that the
// processor has, and no others.
#pragma once

#include "vmm/kvm/vcpu.hpp"

namespace nestbed::vmm {

/// After the features in `list` were decided.
void limit_xsave_leaf(kvm::CpuidList& list);

}  // namespace nestbed::vmm
