#include "vmm/pc/cpu_features.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "vmm/base/text.hpp"
#include "vmm/pc/cpuid_leaves.hpp"

namespace nestbed::vmm {

namespace {

using Entry = kvm_cpuid_entry2;

constexpr std::array known_words{
    FeatureWord{1, 0, &Entry::ecx, "ECX",
                "pni pclmulqdq dtes64 monitor ds-cpl vmx smx est tm2 ssse3 cid - fma cx16 xtpr "
                "pdcm - pcid dca sse4.1 sse4.2 x2apic movbe popcnt tsc-deadline aes xsave - avx "
                "f16c rdrand hypervisor"},
    FeatureWord{1, 0, &Entry::edx, "EDX",
                "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn "
                "clflush - ds acpi mmx fxsr sse sse2 ss ht tm ia64 pbe"},
    FeatureWord{6, 0, &Entry::eax, "EAX", "- - arat"},
    FeatureWord{7, 0, &Entry::ebx, "EBX",
                "fsgsbase tsc-adjust sgx bmi1 hle avx2 fdp-excptn-only smep bmi2 erms invpcid rtm "
                "- zero-fcs-fds mpx - avx512f avx512dq rdseed adx smap avx512ifma pcommit "
                "clflushopt clwb intel-pt avx512pf avx512er avx512cd sha-ni avx512bw avx512vl"},
    FeatureWord{7, 0, &Entry::ecx, "ECX",
                "- avx512vbmi umip pku - waitpkg avx512vbmi2 shstk gfni vaes vpclmulqdq "
                "avx512vnni avx512bitalg - avx512-vpopcntdq - la57 - - - - - rdpid - "
                "bus-lock-detect cldemote - movdiri movdir64b - sgxlc pks"},
    FeatureWord{7, 0, &Entry::edx, "EDX",
                "- - avx512-4vnniw avx512-4fmaps fsrm - - - avx512-vp2intersect - md-clear - - - "
                "serialize - tsx-ldtrk - - arch-lbr ibt - amx-bf16 avx512-fp16 amx-tile amx-int8 "
                "spec-ctrl stibp flush-l1d arch-capabilities core-capability ssbd"},
    FeatureWord{7, 1, &Entry::eax, "EAX",
                "sha512 sm3 sm4 - avx-vnni avx512-bf16 - cmpccxadd - - fzrm fsrs fsrc - - - - "
                "fred lkgs wrmsrns - amx-fp16 - avx-ifma - - lam"},
    FeatureWord{7, 1, &Entry::edx, "EDX",
                "- - - - avx-vnni-int8 avx-ne-convert - - amx-complex - avx-vnni-int16 - - - "
                "prefetchiti - - - - avx10 - apxf"},
    FeatureWord{7, 2, &Entry::edx, "EDX",
                "intel-psfd ipred-ctrl rrsba-ctrl ddpd-u bhi-ctrl mcdt-no"},
    FeatureWord{0xD, 1, &Entry::eax, "EAX", "xsaveopt xsavec xgetbv1 xsaves xfd"},
    FeatureWord{0x4000'0001, 0, &Entry::eax, "EAX",
                "kvmclock kvm-nopiodelay kvm-mmu kvmclock kvm-asyncpf kvm-steal-time kvm-pv-eoi "
                "kvm-pv-unhalt - kvm-pv-tlb-flush kvm-asyncpf-vmexit kvm-pv-ipi kvm-poll-control "
                "kvm-pv-sched-yield kvm-asyncpf-int kvm-msi-ext-dest-id - - - - - - - - "
                "kvmclock-stable-bit"},
    FeatureWord{0x8000'0001, 0, &Entry::ecx, "ECX",
                "lahf-lm cmp-legacy svm extapic cr8legacy abm sse4a misalignsse 3dnowprefetch "
                "osvw ibs xop skinit wdt - lwp fma4 tce - nodeid-msr - tbm topoext perfctr-core "
                "perfctr-nb"},
    // Those of leaf 1 that AMD has here once more are in step with them.
    FeatureWord{0x8000'0001, 0, &Entry::edx, "EDX",
                "- - - - - - - - - - - syscall - - - - - - - - nx - mmxext - - fxsr-opt pdpe1gb "
                "rdtscp - lm 3dnowext 3dnow"},
    FeatureWord{0x8000'0007, 0, &Entry::ebx, "EBX", "overflow-recov succor"},
    FeatureWord{0x8000'0007, 0, &Entry::edx, "EDX", "- - - - - - - - invtsc"},
    FeatureWord{0x8000'0008, 0, &Entry::ebx, "EBX",
                "clzero - xsaveerptr - - - - - - wbnoinvd - - ibpb - ibrs amd-stibp - "
                "stibp-always-on - - - - - - amd-ssbd virt-ssbd amd-no-ssb - amd-psfd"},
    FeatureWord{0x8000'000A, 0, &Entry::edx, "EDX",
                "npt lbrv svm-lock nrip-save tsc-scale vmcb-clean flushbyasid decodeassists - - "
                "pause-filter - pfthreshold avic - v-vmsave-vmload vgif - - - - - - - - vnmi - - "
                "svme-addr-chk"},
    FeatureWord{0x8000'0021, 0, &Entry::eax, "EAX",
                "no-nested-data-bp - lfence-always-serializing - - - null-sel-clr-base - "
                "auto-ibrs - - - - - - - - - - - - - - - eraps - - sbpb ibpb-brtype srso-no "
                "srso-user-kernel-no"},
    FeatureWord{0x8000'0022, 0, &Entry::eax, "EAX", "perfmon-v2"},
};

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> older_names{{
    {"sse3", "pni"},
    {"sse4-1", "sse4.1"},
    {"sse4-2", "sse4.2"},
    {"pclmuldq", "pclmulqdq"},
    {"xd", "nx"},
    {"ffxsr", "fxsr-opt"},
    {"i64", "lm"},
    {"kvm-clock", "kvmclock"},
}};

std::string_view newer_name(std::string_view name) {
    const auto* found =
        std::ranges::find(older_names, name, &decltype(older_names)::value_type::first);
    return found == older_names.end() ? name : found->second;
}

}  // namespace

std::span<const FeatureWord> feature_words() { return known_words; }

std::uint32_t feature_bits(const FeatureWord& word, std::string_view name) {
    name = newer_name(name);
    std::uint32_t bits = 0;
    std::uint32_t bit = 1;
    for (const std::string_view known : split(word.names, ' ')) {
        bits |= known == name && name != "-" ? bit : 0;
        bit <<= 1;
    }
    return bits;
}

bool is_feature(std::string_view name) {
    return std::ranges::any_of(
        known_words, [&](const FeatureWord& word) { return feature_bits(word, name) != 0; });
}

std::vector<std::string> feature_names() {
    std::vector<std::string> names;
    for (const FeatureWord& word : known_words) {
        for (const std::string_view name : split(word.names, ' ')) {
            names.emplace_back(name);
        }
    }
    std::erase(names, "-");
    return names;
}

bool has_feature(const kvm::CpuidList& list, std::string_view name) {
    return std::ranges::any_of(known_words, [&](const FeatureWord& word) {
        const kvm_cpuid_entry2* entry = find_leaf(list, word.leaf, word.subleaf);
        return entry != nullptr && (entry->*word.value & feature_bits(word, name)) != 0;
    });
}

}  // namespace nestbed::vmm
