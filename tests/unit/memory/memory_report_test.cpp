// /proc/self/smaps: which mappings count, and which of their fields.

#include "vmm/memory/memory_report.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>

#include "tests/unit/memory/byte_units.hpp"

namespace nestbed::vmm {
namespace {

using test::gib;
using test::kib;
using test::mib;

/// Three mappings as Linux 6.18 shows them: 2 MiB of which 12 KiB were touched, a neighbour of the
/// same size in huge pages, and one of hugetlbfs.
constexpr char sample[] =
    R"(7f0000000000-7f0000200000 rw-p 00000000 00:00 0 
Size:               2048 kB
KernelPageSize:        4 kB
MMUPageSize:           4 kB
Rss:                  12 kB
Pss:                  12 kB
Pss_Dirty:            12 kB
Private_Dirty:        12 kB
Anonymous:            12 kB
AnonHugePages:         0 kB
ShmemPmdMapped:        0 kB
FilePmdMapped:         0 kB
Shared_Hugetlb:        0 kB
Private_Hugetlb:       0 kB
Swap:                  8 kB
SwapPss:               8 kB
THPeligible:           0
VmFlags: rd wr mr mw me nr nh 
7f0000200000-7f0000400000 rw-s 00000000 00:01 1029                       /memfd:a 1-2 Rss: (deleted)
Size:               2048 kB
KernelPageSize:        4 kB
Rss:                2048 kB
AnonHugePages:      1024 kB
ShmemPmdMapped:      512 kB
FilePmdMapped:       256 kB
Shared_Hugetlb:        0 kB
Private_Hugetlb:       0 kB
Swap:                  0 kB
VmFlags: rd wr sh mr mw me ms nh 
7f0040000000-7f00c0000000 rw-s 00000000 00:0f 1030                       /memfd:guest (deleted)
Size:            2097152 kB
KernelPageSize:  1048576 kB
MMUPageSize:     1048576 kB
Rss:                   0 kB
Shared_Hugetlb:  1048576 kB
Private_Hugetlb: 1048576 kB
VmFlags: rd wr sh mr mw me ms de ht 
)";

ResidentPages pages_in(std::uint64_t begin, std::uint64_t end, const std::string& text = sample) {
    std::istringstream smaps(text);
    return read_resident_pages(smaps, begin, end);
}

constexpr std::uint64_t first = 0x7F00'0000'0000;

TEST(ResidentPages, AreThoseOfTheMapping) {
    const ResidentPages pages = pages_in(first, first + 2 * mib);
    EXPECT_EQ(
        pages,
        (ResidentPages{
            .mapped = 2 * mib, .rss = 12 * kib, .swap = 8 * kib, .kernel_page_size = 4 * kib}));
    EXPECT_EQ(pages.resident(), 12 * kib);
}

TEST(ResidentPages, HugeOnesAreToldApart) {
    EXPECT_EQ(pages_in(first + 2 * mib, first + 4 * mib),
              (ResidentPages{.mapped = 2 * mib,
                             .rss = 2 * mib,
                             .anon_huge_pages = mib,
                             .shmem_pmd_mapped = 512 * kib,
                             .file_pmd_mapped = 256 * kib,
                             .kernel_page_size = 4 * kib}));
    const ResidentPages pages = pages_in(first + gib, first + 3 * gib);
    EXPECT_EQ(pages, (ResidentPages{.mapped = 2 * gib,
                                    .shared_hugetlb = gib,
                                    .private_hugetlb = gib,
                                    .kernel_page_size = gib}));
    EXPECT_EQ(pages.resident(), 2 * gib);
}

TEST(ResidentPages, OfSeveralMappingsAreAddedUp) {
    const ResidentPages pages = pages_in(first, first + 4 * mib);
    EXPECT_EQ(pages.mapped, 4 * mib);
    EXPECT_EQ(pages.rss, 2 * mib + 12 * kib);
}

TEST(ResidentPages, AMappingThatReachesBeyondDoesNotCount) {
    EXPECT_EQ(pages_in(first, first + mib), ResidentPages{});
    EXPECT_EQ(pages_in(first + mib, first + 2 * mib), ResidentPages{});
    EXPECT_EQ(pages_in(first + mib, first + 4 * mib).mapped, 2 * mib);
}

TEST(ResidentPages, WhatIsNoSmapsIsNothing) {
    EXPECT_EQ(pages_in(first, first + 2 * mib, ""), ResidentPages{});
    EXPECT_EQ(pages_in(first, first + 2 * mib, "Rss: 4 kB\n-\n7f00-\n:\n\nzz-yy\n"),
              ResidentPages{});
    EXPECT_EQ(pages_in(first, first + 2 * mib,
                       "7f0000000000-7f0000200000 rw-p\nRss:\nSwap: x\nKernelPageSize 4 kB"),
              ResidentPages{.mapped = 2 * mib});
}

}  // namespace
}  // namespace nestbed::vmm
