// A second piece of guest memory, for experiments: a memslot of its own, which the host may
// discard, protect, log or move without any harm to the guest's kernel, and of which nothing was
// touched before the test begins.
#pragma once

#include <cstdint>

namespace nestbed::channel {

/// Where the VMM puts it: at a multiple of 1 GiB, so that leaves of any size can map it, and above
/// everything else that a VM has.
inline constexpr std::uint64_t test_memory_physical = std::uint64_t{4} << 30;

struct TestMemory {
    std::uint64_t physical;  ///< guest physical address
    std::uint64_t bytes;     ///< 0: this VM has none
    /// The PML4E through which user mode reads and writes all of it from `layout::test_memory` on;
    /// shared by all address spaces.
    std::uint64_t tables;
    std::uint64_t leaf_bytes;  ///< the page size that it is mapped with there
    /// The size of the host's pages behind it; transparent huge ones count as small. The host
    /// operations (host_operation.hpp) that give memory back or bring it in take whole ones.
    std::uint64_t host_page_bytes;
};
static_assert(sizeof(TestMemory) == 40);

}  // namespace nestbed::channel
