#include "guest/kernel/kvm_features.hpp"

#include "guest/kernel/instructions.hpp"
#include "shared/arch/kvm.hpp"

namespace nestbed::guest {

bool has_kvm_features(std::uint32_t bits) {
    const CpuidResult signature = cpuid(arch::kvm::leaf_signature);
    return signature.ebx == arch::kvm::signature_ebx && signature.ecx == arch::kvm::signature_ecx &&
           signature.edx == arch::kvm::signature_edx &&
           (cpuid(arch::kvm::leaf_features).eax & bits) == bits;
}

}  // namespace nestbed::guest
