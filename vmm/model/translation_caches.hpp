// What a processor keeps of translations, as the model has it: how many entries of each kind.
#pragma once

#include <cstddef>
#include <string>

namespace nestbed::vmm {

/// Entries of the caches of upper-level entries (SDM Vol. 3A 4.10.3 "Paging-Structure Caches").
/// One at a level saves the references of that level and of all above it.
struct PagingStructureCaches {
    std::size_t pml5e = 0;
    std::size_t pml4e = 0;
    std::size_t pdpte = 0;
    std::size_t pde = 0;
};

/// All zero: a processor that keeps nothing.
struct TranslationCaches {
    /// The last-level data TLB, by the size of the page that an entry translates.
    std::size_t tlb_4k = 0;
    std::size_t tlb_2m = 0;
    std::size_t tlb_1g = 0;
    PagingStructureCaches first_stage = {};
    /// Of the second stage: the same by guest-physical address (SDM Vol. 3C 29.4.1 "Information
    /// That May Be Cached": guest-physical mappings).
    PagingStructureCaches second_stage = {};
    /// Whole translations of guest-physical 4 KiB pages that hold a guest's tables (Bhargava et
    /// al., "Accelerating Two-Dimensional Page Walks for Virtualized Systems", ASPLOS 2008).
    std::size_t nested_tlb = 0;
};

struct HostCaches {
    TranslationCaches caches;
    std::string source;  ///< in words: what CPUID says and what is assumed
};

/// Of the processor at hand. The TLB is what CPUID says (AMD APM Vol. 3 8000_0006H and 8000_0019H,
/// Intel SDM Vol. 2A leaf 18H), where it does. The rest, which no CPUID tells, are assumptions and
/// no figures of a particular processor. How to find those out: van Schaik et al., "RevAnC: A
/// Framework for Reverse Engineering Hardware Page Table Caches", EuroSec 2017.
HostCaches caches_of_this_host();

}  // namespace nestbed::vmm
