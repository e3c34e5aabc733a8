// The CPUID of a guest that is not ours: QEMU's models of processors and names of features, less
// what KVM does not offer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/kvm/vcpu.hpp"
#include "vmm/loader/pc_settings.hpp"

namespace nestbed::vmm {

/// Names that CpuModel::name can have.
const std::vector<std::string>& cpu_models();

/// Throws Error(usage) if there is no such model or feature, or what it is given cannot be.
/// `hyperv` is KVM_GET_SUPPORTED_HV_CPUID's list, or nullptr if the model has not got it, or KVM
/// has not.
kvm::CpuidList cpuid_of(const CpuModel& model, const kvm::CpuidList& supported, std::uint32_t cpu,
                        std::uint32_t cpu_count, const kvm::CpuidList* hyperv);

/// What was asked for by name and is not to be had, in QEMU's words: "warning: host doesn't …".
std::vector<std::string> cpu_warnings(const CpuModel& model, const kvm::CpuidList& supported);

}  // namespace nestbed::vmm
