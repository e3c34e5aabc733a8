#include "vmm/pc/cpu_model.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>
#include <string_view>

#include "shared/arch/cpuid.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/near_words.hpp"
#include "vmm/base/text.hpp"
#include "vmm/machine/long_mode.hpp"
#include "vmm/pc/cpu_definitions.hpp"
#include "vmm/pc/cpu_features.hpp"
#include "vmm/pc/cpuid_leaves.hpp"
#include "vmm/pc/xsave_leaf.hpp"

namespace nestbed::vmm {

namespace {

namespace id = arch::cpuid;

constexpr std::uint32_t leaf_monitoring = 0xA;
constexpr std::uint32_t first_hypervisor_leaf = 0x4000'0000;
constexpr std::uint32_t hypervisor_leaves = 0x100;
constexpr std::uint32_t first_extended_leaf = 0x8000'0000;
constexpr std::uint32_t leaf_svm = 0x8000'000A;

// Of a model that does not say how many physical address bits it has.
constexpr std::uint32_t default_physical_bits = 40;

/// The definition of a model; nullptr for all that KVM supports.
const CpuDefinition* definition_of(const CpuModel& model) {
    if (model.name == "max" || model.name == "host") {
        return nullptr;
    }
    const std::span<const CpuDefinition> definitions = cpu_definitions();
    const auto found = std::ranges::find(definitions, model.name, &CpuDefinition::name);
    if (found == definitions.end()) {
        throw_error(ErrorKind::usage, "there is no CPU model {} here; there are {}{}",
                    printable(model.name), fmt::join(cpu_models(), ", "),
                    did_you_mean(model.name, cpu_models()));
    }
    return &*found;
}

/// Those are bits of VMX's capability MSRs, which stay as KVM has them.
bool is_vmx_capability(std::string_view feature) { return feature.starts_with("vmx-"); }

/// Names of whole leaves.
bool is_leaf(std::string_view feature) { return feature == "pmu" || feature == "kvm"; }

void refuse_unknown_features(const CpuModel& model) {
    for (const auto& [name, on] : model.features) {
        if (!is_feature(name) && !is_vmx_capability(name) && !is_leaf(name)) {
            throw_error(ErrorKind::usage, "there is no CPU feature {} here{}", printable(name),
                        did_you_mean(name, feature_names()));
        }
    }
}

/// What the model was last asked to be with, or without.
bool is_on(const CpuModel& model, std::string_view feature, bool otherwise) {
    for (const auto& [name, on] : model.features) {
        otherwise = name == feature ? on : otherwise;
    }
    return otherwise;
}

/// KVM_GET_SUPPORTED_CPUID leaves out what a VM has only with KVM's own local APIC, as all have
/// here, and that it runs on a hypervisor.
kvm::CpuidList offered_features(kvm::CpuidList list) {
    if (kvm_cpuid_entry2* entry = find_leaf(list, id::leaf_features)) {
        constexpr std::uint32_t tsc_deadline = 1U << 24;
        constexpr std::uint32_t hypervisor = 1U << 31;
        entry->ecx |= id::ecx_x2apic | tsc_deadline | hypervisor;
    }
    return list;
}

std::uint32_t bits_of_definition(const FeatureWord& word, const CpuDefinition& definition) {
    std::uint32_t bits = 0;
    for (const std::string_view features : {common_features, definition.features}) {
        for (const std::string_view name : split(features, ' ')) {
            bits |= feature_bits(word, name);
        }
    }
    return bits;
}

std::uint32_t wanted_bits(const FeatureWord& word, const CpuModel& model,
                          const CpuDefinition* definition) {
    std::uint32_t wanted =
        definition == nullptr ? ~std::uint32_t{0} : bits_of_definition(word, *definition);
    for (const auto& [name, on] : model.features) {
        const std::uint32_t bits = feature_bits(word, name);
        wanted = on ? wanted | bits : wanted & ~bits;
    }
    return wanted;
}

void set_features(kvm::CpuidList& list, const CpuModel& model, const CpuDefinition* definition) {
    for (const FeatureWord& word : feature_words()) {
        if (kvm_cpuid_entry2* entry = find_leaf(list, word.leaf, word.subleaf)) {
            entry->*word.value &= wanted_bits(word, model, definition);
        }
    }
}

std::uint32_t signature_of(const CpuDefinition& definition) {
    const std::uint32_t extended_family = definition.family > 15 ? definition.family - 15 : 0;
    return definition.stepping | (definition.model & 0xF) << 4 |
           (definition.family - extended_family) << 8 | definition.model >> 4 << 16 |
           extended_family << 20;
}

/// The last leaf of those from `first` on: the definition's, or one with a feature that was added.
std::uint32_t last_leaf(const kvm::CpuidList& list, std::uint32_t first, std::uint32_t level) {
    for (const FeatureWord& word : feature_words()) {
        const kvm_cpuid_entry2* entry = find_leaf(list, word.leaf, word.subleaf);
        if (entry != nullptr && entry->*word.value != 0 && (word.leaf & 0xF000'0000) == first) {
            level = std::max(level, word.leaf);
        }
    }
    return level;
}

std::uint32_t last_subleaf_of_leaf_7(const kvm::CpuidList& list) {
    std::uint32_t last = 0;
    for (const FeatureWord& word : feature_words()) {
        const kvm_cpuid_entry2* entry = find_leaf(list, word.leaf, word.subleaf);
        if (entry != nullptr && word.leaf == id::leaf_extended_features &&
            entry->*word.value != 0) {
            last = std::max(last, word.subleaf);
        }
    }
    return last;
}

/// What its definition says of a processor beside its features.
void set_identity(kvm::CpuidList& list, const CpuDefinition& definition) {
    const std::uint32_t level = last_leaf(list, 0, definition.level);
    const std::uint32_t extended = last_leaf(list, first_extended_leaf, definition.extended_level);
    const std::uint32_t last_subleaf = last_subleaf_of_leaf_7(list);
    remove_leaves(list, [&](const kvm_cpuid_entry2& entry) {
        const bool is_basic = entry.function < first_hypervisor_leaf;
        const bool is_extended = entry.function >= first_extended_leaf;
        return (is_basic && entry.function > level) || (is_extended && entry.function > extended) ||
               (entry.function == id::leaf_extended_features && entry.index > last_subleaf);
    });
    for (kvm_cpuid_entry2& entry : list) {
        switch (entry.function) {
            case id::leaf_vendor:
                entry.eax = level;
                break;
            case id::leaf_features:
                entry.eax = signature_of(definition);
                break;
            case id::leaf_extended_features:
                entry.eax = entry.index == 0 ? last_subleaf : entry.eax;
                break;
            case first_extended_leaf:
                entry.eax = extended;
                break;
            default:
                break;
        }
    }
}

void set_vendor(kvm::CpuidList& list, const std::string& vendor) {
    if (vendor.empty()) {
        return;
    }
    std::array<std::uint32_t, 3> words{};
    if (vendor.size() != sizeof words) {
        throw_error(ErrorKind::usage, "a vendor has {} characters, not {}", sizeof words,
                    printable(vendor));
    }
    std::memcpy(words.data(), vendor.data(), sizeof words);
    for (const std::uint32_t leaf : {id::leaf_vendor, first_extended_leaf}) {
        if (kvm_cpuid_entry2* entry = find_leaf(list, leaf)) {
            entry->ebx = words[0];
            entry->edx = words[1];
            entry->ecx = words[2];
        }
    }
}

/// AMD has most of EDX of leaf 1 in leaf 80000001H once more, others have nothing there.
void set_amd_aliases(kvm::CpuidList& list) {
    constexpr std::uint32_t aliases = 0x0183'F3FF;
    const kvm_cpuid_entry2* vendor = find_leaf(list, id::leaf_vendor);
    const kvm_cpuid_entry2* common = find_leaf(list, id::leaf_features);
    kvm_cpuid_entry2* amd = find_leaf(list, id::leaf_amd_features);
    if (vendor == nullptr || common == nullptr || amd == nullptr) {
        return;
    }
    const bool is_amd = id::vendor_of(vendor->ebx, vendor->edx, vendor->ecx) == id::Vendor::amd;
    amd->edx = (amd->edx & ~aliases) | (is_amd ? common->edx & aliases : 0);
}

std::uint32_t host_physical_bits(const kvm::CpuidList& list) {
    constexpr std::uint32_t least = 36;  // SDM: without leaf 80000008H
    const kvm_cpuid_entry2* entry = find_leaf(list, id::leaf_address_sizes);
    return entry == nullptr ? least : entry->eax & 0xFF;
}

std::uint32_t wanted_physical_bits(const CpuModel& model, const CpuDefinition* definition,
                                   std::uint32_t host) {
    if (model.host_physical_bits) {
        return host;
    }
    return model.physical_bits.value_or(definition == nullptr ? host : default_physical_bits);
}

void set_address_sizes(kvm::CpuidList& list, std::uint32_t physical_bits) {
    kvm_cpuid_entry2* entry = find_leaf(list, id::leaf_address_sizes);
    if (entry == nullptr) {
        return;
    }
    // More than the host has cannot be: the processor takes those bits for reserved ones.
    const std::uint32_t physical = std::min(physical_bits, entry->eax & 0xFF);
    const std::uint32_t linear = has_feature(list, "la57") ? entry->eax >> 8 & 0xFF : 48;
    const std::uint32_t guest_physical = std::min(physical, entry->eax >> 16 & 0xFF);
    entry->eax = (entry->eax & 0xFF00'0000) | guest_physical << 16 | linear << 8 | physical;
}

bool is_hypervisor_leaf(const kvm_cpuid_entry2& entry) {
    return entry.function >= first_hypervisor_leaf &&
           entry.function < first_hypervisor_leaf + hypervisor_leaves;
}

void clear_leaf(kvm::CpuidList& list, std::uint32_t leaf) {
    remove_leaves(list, [&](const kvm_cpuid_entry2& entry) { return entry.function == leaf; });
}

void remove_what_is_off(kvm::CpuidList& list, const CpuModel& model, bool has_pmu) {
    if (!is_on(model, "pmu", has_pmu)) {
        clear_leaf(list, leaf_monitoring);
    }
    if (!has_feature(list, "svm")) {
        clear_leaf(list, leaf_svm);
    }
    if (!is_on(model, "kvm", true)) {
        remove_leaves(list, is_hypervisor_leaf);
    }
}

/// Hyper-V's leaves are where KVM's would be, which then follow them.
void add_hyperv(kvm::CpuidList& list, const kvm::CpuidList& hyperv) {
    if (hyperv.count > list.entries.size() - list.count) {
        throw_error(ErrorKind::kernel_refused, "KVM has more than {} leaves of CPUID",
                    list.entries.size());
    }
    for (kvm_cpuid_entry2& entry : list) {
        if (is_hypervisor_leaf(entry)) {
            entry.eax += entry.function == first_hypervisor_leaf ? hypervisor_leaves : 0;
            entry.function += hypervisor_leaves;
        }
    }
    std::ranges::copy(hyperv, list.end());
    list.count += hyperv.count;
}

void warn_of_missing_bits(const FeatureWord& word, std::string_view name, std::uint32_t missing,
                          std::vector<std::string>& warnings) {
    for (; missing != 0; missing &= missing - 1) {
        warnings.push_back(
            fmt::format("warning: host doesn't support requested feature: CPUID.{:02X}H:{}.{} "
                        "[bit {}]",
                        word.leaf, word.register_name, name, std::countr_zero(missing)));
    }
}

void warn_of_feature(const kvm::CpuidList& offered, std::string_view name,
                     std::vector<std::string>& warnings) {
    for (const FeatureWord& word : feature_words()) {
        const kvm_cpuid_entry2* entry = find_leaf(offered, word.leaf, word.subleaf);
        const std::uint32_t has = entry == nullptr ? 0 : entry->*word.value;
        warn_of_missing_bits(word, name, feature_bits(word, name) & ~has, warnings);
    }
}

}  // namespace

const std::vector<std::string>& cpu_models() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all{"max", "host"};
        for (const CpuDefinition& definition : cpu_definitions()) {
            all.emplace_back(definition.name);
        }
        return all;
    }();
    return names;
}

kvm::CpuidList cpuid_of(const CpuModel& model, const kvm::CpuidList& supported, std::uint32_t cpu,
                        std::uint32_t cpu_count, const kvm::CpuidList* hyperv) {
    const CpuDefinition* definition = definition_of(model);
    refuse_unknown_features(model);
    kvm::CpuidList list = cpuid_of(offered_features(supported), cpu, cpu_count);
    set_features(list, model, definition);
    if (definition != nullptr) {
        set_identity(list, *definition);
    }
    set_vendor(list, model.vendor);
    set_amd_aliases(list);
    set_address_sizes(list, wanted_physical_bits(model, definition, host_physical_bits(list)));
    limit_xsave_leaf(list);
    remove_what_is_off(list, model, definition == nullptr);
    if (hyperv != nullptr) {
        add_hyperv(list, *hyperv);
    }
    return list;
}

std::vector<std::string> cpu_warnings(const CpuModel& model, const kvm::CpuidList& supported) {
    std::vector<std::string> warnings;
    const kvm::CpuidList offered = offered_features(supported);
    for (const auto& [name, on] : model.features) {
        if (is_vmx_capability(name)) {
            warnings.push_back(fmt::format(
                "warning: {} is as KVM has it: VMX's capabilities cannot be chosen", name));
        } else if (on && is_on(model, name, on)) {
            warn_of_feature(offered, name, warnings);
        }
    }
    const std::uint32_t host = host_physical_bits(supported);
    if (!model.host_physical_bits && model.physical_bits.value_or(0) > host) {
        warnings.push_back(
            fmt::format("warning: the guest has {} physical address bits, not {}: so many has "
                        "the host",
                        host, *model.physical_bits));
    }
    return warnings;
}

}  // namespace nestbed::vmm
