// QEMU's models of processors, those that kvm-unit-tests asks for: what makes them differ.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace nestbed::vmm {

struct CpuDefinition {
    std::string_view name;
    std::uint32_t level;           ///< the last leaf
    std::uint32_t extended_level;  ///< the last one from 80000000H on
    std::uint32_t family;
    std::uint32_t model;
    std::uint32_t stepping;
    std::string_view features;  ///< beside common_features
};

/// As they are with KVM: what QEMU adds then is among the features, what it removes is not.
std::span<const CpuDefinition> cpu_definitions();

extern const std::string_view common_features;

}  // namespace nestbed::vmm
