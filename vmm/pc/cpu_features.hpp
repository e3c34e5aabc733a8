// Where CPUID says that a processor has a feature, by the name that QEMU has for it.
#pragma once

#include <linux/kvm.h>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/kvm/vcpu.hpp"

namespace nestbed::vmm {

/// A register of a leaf, each bit of which is a feature.
struct FeatureWord {
    std::uint32_t leaf;
    std::uint32_t subleaf;
    std::uint32_t kvm_cpuid_entry2::*value;
    std::string_view register_name;
    std::string_view names;  ///< from bit 0 on, "-" for one without; later bits have none
};

std::span<const FeatureWord> feature_words();

/// Bits of that word with this name, which may be one of QEMU's older ones.
std::uint32_t feature_bits(const FeatureWord& word, std::string_view name);

bool is_feature(std::string_view name);
std::vector<std::string> feature_names();

bool has_feature(const kvm::CpuidList& list, std::string_view name);

}  // namespace nestbed::vmm
