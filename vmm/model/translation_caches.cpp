#include "vmm/model/translation_caches.hpp"

#include <cpuid.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

namespace nestbed::vmm {

namespace {

/// All zero if there is no such leaf.
struct Cpuid {
    explicit Cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
        __get_cpuid_count(leaf, subleaf, &eax, &ebx, &ecx, &edx);
    }

    std::uint32_t eax = 0;
    std::uint32_t ebx = 0;
    std::uint32_t ecx = 0;
    std::uint32_t edx = 0;
};

/// The second-level data TLB of AMD's leaves: bits 27:16 of EBX for 4 KiB pages, of EAX for 2 MiB.
/// Only the TLB is set; all zero where the leaves say nothing.
TranslationCaches amd_tlb() {
    const auto entries = [](std::uint32_t part) { return part >> 16 & 0xFFF; };
    const Cpuid second_level(0x8000'0006);
    if (entries(second_level.ebx) == 0) {
        return {};
    }
    return {.tlb_4k = entries(second_level.ebx),
            .tlb_2m = entries(second_level.eax),
            .tlb_1g = entries(Cpuid(0x8000'0019).ebx)};
}

/// Intel's deterministic address translation parameters, likewise: of all data and unified TLBs,
/// the largest for each page size.
TranslationCaches intel_tlb() {
    TranslationCaches caches;
    const std::uint32_t last = std::min(Cpuid(0x18).eax, 31U);
    for (std::uint32_t subleaf = 0; subleaf <= last; ++subleaf) {
        constexpr std::uint32_t data = 1;
        constexpr std::uint32_t unified = 3;
        const Cpuid part(0x18, subleaf);
        const std::uint32_t type = part.edx & 31;
        if (type != data && type != unified) {
            continue;
        }
        const std::size_t entries = std::size_t{part.ebx >> 16} * part.ecx;
        const auto raise = [&](std::uint32_t bit, std::size_t& value) {
            if ((part.ebx & bit) != 0) {
                value = std::max(value, entries);
            }
        };
        raise(1U << 0, caches.tlb_4k);
        raise(1U << 1, caches.tlb_2m);
        raise(1U << 3, caches.tlb_1g);
    }
    return caches;
}

}  // namespace

HostCaches caches_of_this_host() {
    TranslationCaches caches = intel_tlb();
    if (caches.tlb_4k == 0) {
        caches = amd_tlb();
    }
    const bool is_told = caches.tlb_4k != 0;
    std::string assumptions;
    const auto assume = [&](std::size_t& entries, std::size_t otherwise, const char* page) {
        if (entries == 0) {
            entries = otherwise;
            assumptions += fmt::format("{}{}", assumptions.empty() ? "" : ", ", page);
        }
    };
    assume(caches.tlb_4k, 1536, "4 KiB");
    assume(caches.tlb_2m, 1536, "2 MiB");
    assume(caches.tlb_1g, 16, "1 GiB");
    const PagingStructureCaches stage{.pml5e = 1, .pml4e = 2, .pdpte = 4, .pde = 32};
    caches.first_stage = caches.second_stage = stage;
    caches.nested_tlb = 16;
    return {caches,
            fmt::format("TLB of {}, {} and {} entries for 4 KiB, 2 MiB and 1 GiB pages ({}); "
                        "paging-structure caches of {} PML4Es, {} PDPTEs and {} PDEs for "
                        "either stage and a nested TLB of {} entries (assumed)",
                        caches.tlb_4k, caches.tlb_2m, caches.tlb_1g,
                        assumptions.empty() ? "by CPUID"
                        : !is_told          ? "assumed: CPUID says nothing"
                                            : "by CPUID, but assumed for " + assumptions,
                        stage.pml4e, stage.pdpte, stage.pde, caches.nested_tlb)};
}

}  // namespace nestbed::vmm
