// The page tables that a guest starts with (shared/channel/layout.hpp), built by the VMM with the
// guest's own entry library so that the guest need not.
#pragma once

#include <cstdint>

#include "shared/paging/frame.hpp"
#include "shared/paging/page_size.hpp"
#include "vmm/loader/elf_image.hpp"
#include "vmm/machine/frame_cursor.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm {

struct BootTables {
    paging::Frame4k root;
    std::uint64_t user_entry;         ///< PML4E 0: the user image's tables; 0 if the guest has none
    std::uint64_t test_memory_entry;  ///< the PML4E of layout::test_memory; 0 if there is none
};

/// Test memory of `test_memory_bytes` is mapped with leaves of `test_memory_leaf`, the last of
/// which may reach beyond it.
struct TestMemoryMapping {
    std::uint64_t bytes = 0;
    paging::PageSize leaf = paging::PageSize::size_4k;
};

BootTables build_boot_tables(const GuestMemory& memory, FrameCursor& frames, const ElfImage& image,
                             const TestMemoryMapping& test_memory = {});

}  // namespace nestbed::vmm
