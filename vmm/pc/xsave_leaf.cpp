#include "vmm/pc/xsave_leaf.hpp"

#include <algorithm>
#include <string_view>

#include "vmm/pc/cpu_features.hpp"
#include "vmm/pc/cpuid_leaves.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::uint32_t leaf_xsave = 0xD;

struct Component {
    std::uint32_t bits;  ///< in XCR0, or in IA32_XSS
    std::string_view feature;
    std::string_view or_feature = {};
};

constexpr Component user_components[]{
    {1U << 2, "avx"}, {1U << 3 | 1U << 4, "mpx"},        {1U << 5 | 1U << 6 | 1U << 7, "avx512f"},
    {1U << 9, "pku"}, {1U << 17 | 1U << 18, "amx-tile"}, {1U << 19, "apxf"},
};

constexpr Component supervisor_components[]{
    {1U << 8, "intel-pt"},
    {1U << 11 | 1U << 12, "shstk", "ibt"},
    {1U << 15, "arch-lbr"},
};

/// Bits of those that the processor has no feature for.
template <typename Components>
std::uint32_t bits_without_feature(const kvm::CpuidList& list, const Components& components) {
    std::uint32_t bits = 0;
    for (const Component& component : components) {
        if (!has_feature(list, component.feature) && !has_feature(list, component.or_feature)) {
            bits |= component.bits;
        }
    }
    return bits;
}

/// Of the area that XSAVE writes with all in XCR0 enabled.
std::uint32_t area_size(const kvm::CpuidList& list, std::uint32_t xcr0) {
    std::uint32_t size = 512 + 64;  // x87, SSE, and the header
    for (const kvm_cpuid_entry2& entry : list) {
        if (entry.function == leaf_xsave && entry.index >= 2 && entry.index < 32 &&
            (xcr0 >> entry.index & 1) != 0) {
            size = std::max(size, entry.ebx + entry.eax);
        }
    }
    return size;
}

}  // namespace

void limit_xsave_leaf(kvm::CpuidList& list) {
    const bool has_xsave = has_feature(list, "xsave");
    const std::uint32_t no_user = bits_without_feature(list, user_components);
    const std::uint32_t no_supervisor = has_feature(list, "xsaves")
                                            ? bits_without_feature(list, supervisor_components)
                                            : ~std::uint32_t{0};
    remove_leaves(list, [&](const kvm_cpuid_entry2& entry) {
        const bool is_component = entry.index >= 2 && entry.index < 32;
        // Bits of one are no components of the other; ECX says of which it is.
        const std::uint32_t gone = (entry.ecx & 1) != 0 ? no_supervisor : no_user;
        return entry.function == leaf_xsave &&
               (!has_xsave || (is_component && (gone >> entry.index & 1) != 0));
    });
    if (kvm_cpuid_entry2* user = find_leaf(list, leaf_xsave, 0)) {
        user->eax &= ~no_user;
        user->ecx = area_size(list, user->eax);
    }
    if (kvm_cpuid_entry2* supervisor = find_leaf(list, leaf_xsave, 1)) {
        supervisor->ecx &= ~no_supervisor;
    }
}

}  // namespace nestbed::vmm
