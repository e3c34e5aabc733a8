// A list as KVM_GET_SUPPORTED_CPUID has it, of a host that is made up.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "vmm/kvm/vcpu.hpp"
#include "vmm/pc/cpu_features.hpp"
#include "vmm/pc/cpuid_leaves.hpp"

namespace nestbed::vmm::test {

inline void add_leaf(kvm::CpuidList& list, std::uint32_t leaf, std::uint32_t subleaf,
                     std::uint32_t eax, std::uint32_t ebx = 0, std::uint32_t ecx = 0,
                     std::uint32_t edx = 0) {
    kvm_cpuid_entry2& entry = list.entries.at(list.count++);
    entry = {};
    entry.function = leaf;
    entry.index = subleaf;
    entry.eax = eax;
    entry.ebx = ebx;
    entry.ecx = ecx;
    entry.edx = edx;
}

inline void add_vendor(kvm::CpuidList& list, std::uint32_t leaf, std::uint32_t last,
                       std::string_view name) {
    std::uint32_t words[3]{};
    std::memcpy(words, name.data(), sizeof words);
    add_leaf(list, leaf, 0, last, words[0], words[2], words[1]);
}

/// With all features there are, 46 physical address bits, and every leaf that matters.
inline kvm::CpuidList host_with_everything(std::string_view vendor = "AuthenticAMD") {
    constexpr std::uint32_t all = ~std::uint32_t{0};
    kvm::CpuidList list;
    list.count = 0;
    add_vendor(list, 0, 0x20, vendor);
    add_leaf(list, 1, 0, 0x00A2'0F12, 0x0000'0800, all & ~(1U << 21 | 1U << 24 | 1U << 31),
             all & ~(1U << 28));
    add_leaf(list, 6, 0, 4);
    add_leaf(list, 7, 0, 2, all, all, all);
    add_leaf(list, 7, 1, all, 0, 0, all);
    add_leaf(list, 7, 2, 0, 0, 0, all);
    add_leaf(list, 0xA, 0, 0x0730'0404);
    add_leaf(list, 0xB, 0, 0);
    add_leaf(list, 0xD, 0, 0x6'02FF, 0x240, 0x2B00);
    add_leaf(list, 0xD, 1, 0x1F, 0, 0x1900);
    add_leaf(list, 0xD, 2, 0x100, 0x240);  // AVX
    add_leaf(list, 0xD, 5, 0x40, 0x440);   // AVX-512
    add_leaf(list, 0xD, 9, 8, 0xA80);      // PKRU
    add_leaf(list, 0xD, 11, 0x10, 0, 1);   // CET
    add_leaf(list, 0xD, 18, 0x2000, 0xB00);
    add_leaf(list, 0x20, 0, 1);
    add_leaf(list, 0x4000'0000, 0, 0x4000'0001, 0x4B4D'564B, 0x564B'4D56, 0x4D);
    add_leaf(list, 0x4000'0001, 0, 0x0100'FEFF);
    add_vendor(list, 0x8000'0000, 0x8000'0022, vendor);
    add_leaf(list, 0x8000'0001, 0, 0x00A2'0F12, 0, all, all);
    add_leaf(list, 0x8000'0007, 0, 0, all, 0, all);
    add_leaf(list, 0x8000'0008, 0, 0x002A'392E, all);
    add_leaf(list, 0x8000'000A, 0, 1, 8, 0, all);
    add_leaf(list, 0x8000'001E, 0, 0);
    add_leaf(list, 0x8000'0021, 0, all);
    add_leaf(list, 0x8000'0022, 0, 1);
    return list;
}

inline bool has_leaf(const kvm::CpuidList& list, std::uint32_t leaf, std::uint32_t subleaf = 0) {
    return find_leaf(list, leaf, subleaf) != nullptr;
}

/// All zero if it is not there.
inline kvm_cpuid_entry2 leaf_of(const kvm::CpuidList& list, std::uint32_t leaf,
                                std::uint32_t subleaf = 0) {
    const kvm_cpuid_entry2* entry = find_leaf(list, leaf, subleaf);
    return entry == nullptr ? kvm_cpuid_entry2{} : *entry;
}

}  // namespace nestbed::vmm::test
