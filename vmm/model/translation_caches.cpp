#include "vmm/model/translation_caches.hpp"

#include <cpuid.h>
#include <fmt/format.h>

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

struct Tlb {
    std::size_t entries_4k = 0;
    std::size_t entries_2m = 0;
    std::size_t entries_1g = 0;
};

/// The second-level data TLB of AMD's leaves: bits 27:16 of EBX for 4 KiB pages, of EAX for 2 MiB.
std::optional<Tlb> amd_tlb() {
    constexpr std::uint32_t entries_shift = 16;
    constexpr std::uint32_t entries_mask = 0xFFF;
    const auto entries = [](std::uint32_t part) { return part >> entries_shift & entries_mask; };
    const auto second_level = cpuid(0x8000'0006);
    if (!second_level || entries(second_level->ebx) == 0) {
        return std::nullopt;
    }
    const auto large = cpuid(0x8000'0019);
    return Tlb{entries(second_level->ebx), entries(second_level->eax),
               large ? entries(large->ebx) : 0};
}

/// Intel's deterministic address translation parameters: of all data and unified TLBs, the largest
/// for each page size.
std::optional<Tlb> intel_tlb() {
    const auto first = cpuid(0x18);
    if (!first) {
        return std::nullopt;
    }
    Tlb tlb;
    for (std::uint32_t subleaf = 0; subleaf <= first->eax && subleaf < 32; ++subleaf) {
        constexpr std::uint32_t data = 1;
        constexpr std::uint32_t unified = 3;
        const auto part = cpuid(0x18, subleaf);
        const std::uint32_t type = part ? part->edx & 31 : 0;
        if (type != data && type != unified) {
            continue;
        }
        const std::size_t entries = std::size_t{part->ebx >> 16} * part->ecx;
        const auto raise = [&](std::uint32_t bit, std::size_t& value) {
            if ((part->ebx & bit) != 0 && entries > value) {
                value = entries;
            }
        };
        raise(1U << 0, tlb.entries_4k);
        raise(1U << 1, tlb.entries_2m);
        raise(1U << 3, tlb.entries_1g);
    }
    return tlb.entries_4k == 0 ? std::nullopt : std::optional(tlb);
}

}  // namespace

HostCaches caches_of_this_host() {
    constexpr PagingStructureCaches assumed{.pml5e = 1, .pml4e = 2, .pdpte = 4, .pde = 32};
    constexpr Tlb assumed_tlb{1536, 1536, 16};
    std::optional<Tlb> told = intel_tlb();
    if (!told) {
        told = amd_tlb();
    }
    const Tlb tlb = told.value_or(Tlb{});
    std::string assumptions;
    const auto entries = [&](std::size_t by_cpuid, std::size_t otherwise, const char* page) {
        if (by_cpuid != 0) {
            return by_cpuid;
        }
        assumptions += fmt::format("{}{}", assumptions.empty() ? "" : ", ", page);
        return otherwise;
    };
    const std::size_t entries_4k = entries(tlb.entries_4k, assumed_tlb.entries_4k, "4 KiB");
    const std::size_t entries_2m = entries(tlb.entries_2m, assumed_tlb.entries_2m, "2 MiB");
    const std::size_t entries_1g = entries(tlb.entries_1g, assumed_tlb.entries_1g, "1 GiB");
    return {
        .caches = {.tlb_4k = entries_4k,
                   .tlb_2m = entries_2m,
                   .tlb_1g = entries_1g,
                   .first_stage = assumed,
                   .second_stage = assumed,
                   .nested_tlb = 16},
        .source = fmt::format("TLB of {}, {} and {} entries for 4 KiB, 2 MiB and 1 GiB pages ({}); "
                              "paging-structure caches of {} PML4Es, {} PDPTEs and {} PDEs for "
                              "either stage and a nested TLB of 16 entries (assumed)",
                              entries_4k, entries_2m, entries_1g,
                              assumptions.empty()   ? "by CPUID"
                              : tlb.entries_4k == 0 ? "assumed: CPUID says nothing"
                                                    : "by CPUID, but assumed for " + assumptions,
                              assumed.pml4e, assumed.pdpte, assumed.pde)};
}

}  // namespace nestbed::vmm
