#include "vmm/pc/hyperv_leaves.hpp"

#include <algorithm>
#include <cstdint>

#include "vmm/pc/cpuid_leaves.hpp"

namespace nestbed::vmm {

namespace {

// Hypervisor Top Level Functional Specification, "Feature and Interface Discovery".
constexpr std::uint32_t leaf_vendor = 0x4000'0000;
constexpr std::uint32_t leaf_features = 0x4000'0003;
constexpr std::uint32_t ebx_debugging = 1U << 11;
constexpr std::uint32_t edx_debug_msrs = 1U << 11;
constexpr std::uint32_t leaf_recommendations = 0x4000'0004;
constexpr std::uint32_t eax_enlightened_vmcs = 1U << 14;
constexpr std::uint32_t leaf_limits = 0x4000'0005;  // the last that is left

}  // namespace

void limit_hyperv_leaves(kvm::CpuidList& list) {
    remove_leaves(list, [](const kvm_cpuid_entry2& entry) { return entry.function > leaf_limits; });
    if (kvm_cpuid_entry2* vendor = find_leaf(list, leaf_vendor)) {
        vendor->eax = std::min(vendor->eax, leaf_limits);
    }
    if (kvm_cpuid_entry2* features = find_leaf(list, leaf_features)) {
        features->ebx &= ~ebx_debugging;
        features->edx &= ~edx_debug_msrs;
    }
    if (kvm_cpuid_entry2* recommendations = find_leaf(list, leaf_recommendations)) {
        recommendations->eax &= ~eax_enlightened_vmcs;
    }
}

}  // namespace nestbed::vmm
