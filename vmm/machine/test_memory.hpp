// The host's side of a VM's test memory (shared/channel/test_memory.hpp): a mapping, a memslot, and
// what can be done to both while the guest runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "shared/paging/page_size.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine/backing.hpp"

namespace nestbed::vmm {

struct TestMemorySettings {
    std::uint64_t bytes = 0;  ///< a multiple of guest_memory_granule; 0: none
    paging::PageSize leaf = paging::PageSize::size_4k;  ///< of the guest's mapping for user mode
};

/// Pages, 4 KiB each, counted from the start of the test memory.
struct TestPages {
    std::uint64_t first;
    std::uint64_t count;
};

class TestMemory {
  public:
    /// Maps the memory and makes it slot `slot` of `vm`, which must outlive it. Throws
    /// Error(bad_input) if the host has not got it.
    TestMemory(kvm::Vm& vm, std::uint32_t slot, std::uint64_t bytes,
               const BackingSettings& backing);

    std::uint64_t size() const { return memory_.size(); }
    std::uint64_t pages() const;
    std::uint32_t slot() const { return slot_; }

    /// Whether all of the pages exist.
    bool contains(TestPages pages) const;

    const HostMemory& memory() const { return memory_; }

    /// What channel::HostOperationId says of each. They return 0, or why the kernel refused
    /// (errno).
    [[nodiscard]] int populate(TestPages pages);
    [[nodiscard]] int discard(TestPages pages);

    /// Has KVM log which pages are written (KVM_MEM_LOG_DIRTY_PAGES), or no longer.
    void log_writes(bool on);
    bool logs_writes() const { return logs_writes_; }

    /// kvm::Vm's functions of these names, for this slot.
    void get_dirty_log(std::span<std::uint64_t> bitmap) const { vm_.get_dirty_log(slot_, bitmap); }
    void clear_dirty_log(std::uint64_t first_page, std::span<const std::uint64_t> bitmap) {
        vm_.clear_dirty_log(slot_, first_page, bitmap);
    }

  private:
    int advise(TestPages pages, int advice);

    kvm::Vm& vm_;
    std::uint32_t slot_;
    HostMemory memory_;
    bool logs_writes_ = false;
};

}  // namespace nestbed::vmm
