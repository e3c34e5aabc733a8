// The page tables that a guest starts with (shared/channel/layout.hpp), built by the VMM with the
// guest's own entry library so that the guest need not.
#pragma once

#include <cstdint>
#include <optional>

#include "shared/paging/frame.hpp"
#include "shared/paging/page_size.hpp"
#include "vmm/base/error.hpp"
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
    std::uint64_t allocate(std::uint64_t bytes) {
        const std::uint64_t start = next_;
        const std::uint64_t rounded = (bytes + page_size - 1) & ~(page_size - 1);
        if (memory_.at(start, rounded) == nullptr) {
            throw_error(ErrorKind::usage,
                        "{} MiB of guest memory are too little for this guest's image, page tables "
                        "and record rings: give it more with --memory",
                        memory_.size() >> 20);
        }
        next_ += rounded;
        return start;
    }

    std::optional<paging::Frame4k> allocate_zeroed() {
        return *paging::Frame4k::from(paging::PhysAddr(allocate(page_size)));
    }
    /// Only a failing mapping gives frames back, and then the VM is given up.
    void free_zeroed(paging::Frame4k) {}

  private:
    static constexpr std::uint64_t page_size = 4096;

    const GuestMemory& memory_;
    std::uint64_t next_;
};

struct BootTables {
    paging::Frame4k root;
    std::uint64_t user_entry;         ///< PML4E 0: the user image's tables; 0 if the guest has none
    std::uint64_t test_memory_entry;  ///< the PML4E of layout::test_memory; 0 if there is none
};

struct TestMemorySettings {
    std::uint64_t bytes = 0;  ///< a multiple of guest_memory_granule; 0: none
    /// Of the guest's mapping for user mode; the last leaf may reach beyond the memory.
    paging::PageSize leaf = paging::PageSize::size_4k;
};

BootTables build_boot_tables(const GuestMemory& memory, FrameCursor& frames, const ElfImage& image,
                             const TestMemorySettings& test_memory = {});

}  // namespace nestbed::vmm
