// What /proc/self/smaps says of a piece of this process's memory (Documentation/filesystems/
// proc.rst).
#pragma once

#include <cstdint>
#include <istream>

namespace nestbed::vmm {

/// In bytes. Pages of hugetlbfs are only in the two fields of their own, not in `rss`.
struct ResidentPages {
    std::uint64_t mapped = 0;  ///< by mappings that lie in the piece
    std::uint64_t rss = 0;
    std::uint64_t anon_huge_pages = 0;   ///< of rss, by transparent huge pages, mapped as such
    std::uint64_t shmem_pmd_mapped = 0;  ///< the same of shared memory
    std::uint64_t file_pmd_mapped = 0;   ///< and of files
    std::uint64_t shared_hugetlb = 0;
    std::uint64_t private_hugetlb = 0;
    std::uint64_t swap = 0;
    std::uint64_t kernel_page_size =
        0;  ///< of the mappings; of transparent huge pages the small one

    std::uint64_t resident() const { return rss + shared_hugetlb + private_hugetlb; }

    bool operator==(const ResidentPages&) const = default;
};

/// Adds up those mappings in `smaps` that lie in [begin, end) as a whole.
ResidentPages read_resident_pages(std::istream& smaps, std::uint64_t begin, std::uint64_t end);

/// Of this process, now. The kernel walks the page tables of all mappings that lie below `end`:
/// that takes milliseconds for gigabytes. Nothing is `mapped` if it does not say.
ResidentPages resident_pages_of(const void* address, std::uint64_t size);

}  // namespace nestbed::vmm
