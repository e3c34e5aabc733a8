// The page tables that a guest starts with (shared/channel/layout.hpp), built by the VMM with the
// guest's own entry library so that the guest need not.
#pragma once

#include <cstdint>

#include "shared/paging/frame.hpp"
#include "vmm/loader/elf_image.hpp"
#include "vmm/machine/frame_cursor.hpp"
#include "vmm/machine/guest_memory.hpp"

namespace nestbed::vmm {

struct BootTables {
    paging::Frame4k root;
    std::uint64_t user_entry;  ///< PML4E 0: the user image's tables; 0 if the guest has none
};

BootTables build_boot_tables(const GuestMemory& memory, FrameCursor& frames, const ElfImage& image);

}  // namespace nestbed::vmm
