// What a guest's memory is really made of, as the host kernel and KVM say.
#pragma once

#include <cstdint>
#include <istream>
#include <optional>
#include <string>
#include <vector>

#include "vmm/base/descriptor.hpp"
#include "vmm/kvm/statistics.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/memory/huge_pages.hpp"

namespace nestbed::vmm {

/// What /proc/self/smaps says of a piece of this process's memory (Documentation/filesystems/
/// proc.rst), in bytes. Pages of hugetlbfs are only in the two fields of their own, not in `rss`.
struct ResidentPages {
    std::uint64_t mapped = 0;  ///< by mappings that lie in the piece
    std::uint64_t rss = 0;
    std::uint64_t anon_huge_pages = 0;   ///< of rss, by transparent huge pages, mapped as such
    std::uint64_t shmem_pmd_mapped = 0;  ///< the same of shared memory
    std::uint64_t file_pmd_mapped = 0;   ///< and of files
    std::uint64_t shared_hugetlb = 0;
    std::uint64_t private_hugetlb = 0;
    std::uint64_t swap = 0;
    /// Of the mappings; of transparent huge pages the small one.
    std::uint64_t kernel_page_size = 0;

    std::uint64_t resident() const { return rss + shared_hugetlb + private_hugetlb; }

    bool operator==(const ResidentPages&) const = default;
};

/// Adds up those mappings in `smaps` that lie in [begin, end) as a whole.
ResidentPages read_resident_pages(std::istream& smaps, std::uint64_t begin, std::uint64_t end);

/// /proc/self/smaps, open: it can be read when no file can be opened any more.
class MemoryMaps {
  public:
    MemoryMaps();

    /// What a piece of this process's memory is made of now. The kernel walks the page tables of
    /// all mappings: that takes milliseconds for gigabytes. Nothing is `mapped` if it does not say.
    ResidentPages resident_pages_of(const void* address, std::uint64_t size) const;

  private:
    Descriptor file_;  ///< -1: there is none
};

/// One piece of memory: what was asked for, and what there was at one moment.
struct BackingReport {
    BackingSettings asked;
    std::uint64_t bytes = 0;
    ResidentPages host;
    /// The pool of hugetlbfs that it is from, all VMs together; found_pool() looks.
    std::optional<HugePages> pool;
    std::string problem;  ///< why `host` says nothing, if so
};

BackingReport report_backing(const HostMemory& memory, const MemoryMaps& maps);

/// The pool as it is now, of memory that is from one.
std::optional<HugePages> found_pool(const BackingSettings& backing);

/// Leaves of a VM's second-stage or shadow tables by their size, at one moment (KVM's statistics
/// pages_4k, pages_2m and pages_1g). A shadow table has a leaf for each guest page at most as large
/// as that, and one for each table that it is mapped by.
struct KvmPages {
    std::uint64_t size_4k = 0;
    std::uint64_t size_2m = 0;
    std::uint64_t size_1g = 0;
};

/// Nothing if they are not all among the gauges of a VM.
std::optional<KvmPages> kvm_pages_in(const std::vector<kvm::Statistic>& gauges);

/// Of a VM at the end of its run.
struct MemoryReport {
    BackingReport guest_memory;
    std::optional<BackingReport> test_memory;
    std::optional<KvmPages> kvm_pages;  ///< of both; nothing if this host's KVM does not show them
};

}  // namespace nestbed::vmm
