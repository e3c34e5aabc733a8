// What a guest finds in its memory: its image, the tables that map it, what the VMM shares.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "shared/channel/boot_info.hpp"
#include "shared/channel/layout.hpp"
#include "shared/paging/frame.hpp"
#include "shared/paging/page_size.hpp"
#include "vmm/loader/elf_image.hpp"
#include "vmm/memory/guest_memory.hpp"

namespace nestbed::vmm {

/// Hands out guest frames one behind the other while the VMM lays out a new VM, whose memory is
/// zero. A paging::TableFrameSource.
class FrameCursor {
  public:
    /// Starts at `next`, a 4 KiB-aligned guest physical address.
    FrameCursor(const GuestMemory& memory, std::uint64_t next) : memory_(memory), next_(next) {}

    std::uint64_t next() const { return next_; }

    /// Guest physical address of `bytes` zeroed bytes, 4 KiB-aligned.
    std::uint64_t allocate(std::uint64_t bytes);

    std::optional<paging::Frame4k> allocate_zeroed() {
        return *paging::Frame4k::from(paging::PhysAddr(allocate(4096)));
    }
    /// Only a failing mapping gives frames back, and then the VM is given up.
    void free_zeroed(paging::Frame4k) {}

  private:
    const GuestMemory& memory_;
    std::uint64_t next_;
};

struct TestMemorySettings {
    std::uint64_t bytes = 0;  ///< a multiple of guest_memory_granule; 0: none
    /// Of the guest's mapping for user mode; the last leaf may reach beyond the memory.
    paging::PageSize leaf = paging::PageSize::size_4k;
};

/// The page tables that a guest starts with (shared/channel/layout.hpp), built with the guest's own
/// entry library so that the guest need not. What is below a stack of it is not mapped. Returns
/// their root.
paging::Frame4k build_boot_tables(const GuestMemory& memory, FrameCursor& frames,
                                  const ElfImage& image, std::uint32_t cpus,
                                  const TestMemorySettings& test_memory = {});

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
