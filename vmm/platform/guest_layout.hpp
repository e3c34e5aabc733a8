// What a guest of ours finds in its memory: its image, the tables that map it, and what it shares
// with the VMM.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "shared/channel/boot_info.hpp"
#include "shared/channel/layout.hpp"
#include "shared/paging/frame.hpp"
#include "vmm/loader/elf_image.hpp"
#include "vmm/machine/boot_tables.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm {

/// A name and a value each.
using Parameters = std::vector<std::pair<std::string, std::uint64_t>>;

/// Throws Error if they are more, or have longer names, than a guest can be given.
void add_parameters(channel::BootInfo& boot, const Parameters& parameters);

/// Where the VMM put what it shares with the guest, as guest physical addresses.
struct SharedPages {
    std::uint64_t boot_info;
    std::vector<std::uint64_t> rings;
    std::vector<std::uint64_t> panic_reports;
    std::uint64_t host_operation;
    paging::Frame4k boot_root;  ///< of the tables that every vCPU starts with
};

/// Fills new memory. `boot` is what the guest is to be told; where things are is added to it.
SharedPages lay_out(GuestMemory& memory, const ElfImage& image, channel::BootInfo boot,
                    const TestMemorySettings& test_memory, std::uint32_t ring_records);

/// Where a guest finds what is at a guest physical address.
template <typename T>
channel::Pointer<T> in_direct_map(std::uint64_t physical) {
    return {channel::layout::direct_map + physical};
}

}  // namespace nestbed::vmm
