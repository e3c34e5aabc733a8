// What a guest's memory is really made of, as the host kernel and KVM say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vmm/kvm/statistics.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/memory/huge_pages.hpp"
#include "vmm/memory/resident_pages.hpp"

namespace nestbed::vmm {

/// One piece of memory: what was asked for, and what there was at one moment.
struct BackingReport {
    BackingSettings asked;
    std::uint64_t bytes = 0;
    ResidentPages host;
    /// The pool of hugetlbfs that it is from, all VMs together.
    std::optional<HugePages> pool;
    std::string problem;  ///< why `host` says nothing, if so
};

BackingReport report_backing(const HostMemory& memory);

/// Leaves of a VM's second-stage or shadow tables by their size, at one moment (KVM's statistics
/// pages_4k, pages_2m and pages_1g). A shadow table has a leaf for each guest page at most as large
/// as that, and one for each table that it is mapped by.
struct KvmPages {
    std::uint64_t size_4k = 0;
    std::uint64_t size_2m = 0;
    std::uint64_t size_1g = 0;
};

/// Nothing if they are not all among the gauges of a VM.
std::optional<KvmPages> kvm_pages_in(const std::vector<kvm::Gauge>& gauges);

/// Of a VM at the end of its run.
struct MemoryReport {
    BackingReport guest_memory;
    std::optional<BackingReport> test_memory;
    std::optional<KvmPages> kvm_pages;  ///< of both; nothing if this host's KVM does not show them
};

}  // namespace nestbed::vmm
