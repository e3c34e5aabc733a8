#include "vmm/model/translation_caches.hpp"

#include <cpuid.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace nestbed::vmm {

namespace {

struct Cpuid {
    std::uint32_t eax = 0;
    std::uint32_t ebx = 0;
    std::uint32_t ecx = 0;
    std::uint32_t edx = 0;
};

std::optional<Cpuid> cpuid(std::uint32_t leaf, std::uint32_t subleaf = 0) {
    Cpuid result;
    if (__get_cpuid_count(leaf, subleaf, &result.eax, &result.ebx, &result.ecx, &result.edx) == 0) {
        return std::nullopt;
    }
    return result;
}

/// The second-level data TLB of AMD's leaves: bits 27:16 of EBX for 4 KiB pages, of EAX for 2 MiB.
/// Only the TLB is set; all zero where the leaves say nothing.
TranslationCaches amd_tlb() {
    constexpr std::uint32_t entries_shift = 16;
    constexpr std::uint32_t entries_mask = 0xFFF;
    const auto entries = [](std::uint32_t part) { return part >> entries_shift & entries_mask; };
    const auto second_level = cpuid(0x8000'0006);
    if (!second_level || entries(second_level->ebx) == 0) {
        return {};
    }
    const auto large = cpuid(0x8000'0019);
    return {.tlb_4k = entries(second_level->ebx),
            .tlb_2m = entries(second_level->eax),
            .tlb_1g = large ? entries(large->ebx) : 0};
}

/// Intel's deterministic address translation parameters, likewise: of all data and unified TLBs,
/// the largest for each page size.
TranslationCaches intel_tlb() {
    TranslationCaches caches;
    const auto first = cpuid(0x18);
    for (std::uint32_t subleaf = 0; first && subleaf <= first->eax && subleaf < 32; ++subleaf) {
        constexpr std::uint32_t data = 1;
        constexpr std::uint32_t unified = 3;
        const auto part = cpuid(0x18, subleaf);
        const std::uint32_t type = part ? part->edx & 31 : 0;
        if (type != data && type != unified) {
            continue;
        }
        const std::size_t entries = std::size_t{part->ebx >> 16} * part->ecx;
        const auto raise = [&](std::uint32_t bit, std::size_t& value) {
            if ((part->ebx & bit) != 0) {
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
