// Single leaves of a list for KVM_SET_CPUID2.
#pragma once

#include <linux/kvm.h>

#include <algorithm>
#include <cstdint>

#include "vmm/kvm/vcpu.hpp"

namespace nestbed::vmm {

/// nullptr if it is not in the list: KVM answers with zeros.
template <typename List>
auto find_leaf(List& list, std::uint32_t leaf, std::uint32_t subleaf = 0) {
    const auto found = std::find_if(list.begin(), list.end(), [&](const kvm_cpuid_entry2& entry) {
        return entry.function == leaf && entry.index == subleaf;
    });
    return found == list.end() ? nullptr : found;
}

template <typename Predicate>
void remove_leaves(kvm::CpuidList& list, const Predicate& is_to_go) {
    const auto* end = std::remove_if(list.begin(), list.end(), is_to_go);
    list.count = static_cast<std::uint32_t>(end - list.begin());
}

}  // namespace nestbed::vmm
