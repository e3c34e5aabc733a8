// One vCPU's ring of pages that were written.
#pragma once

#include <linux/kvm.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "vmm/base/descriptor.hpp"

namespace nestbed::vmm {

/// From the side that harvests it (KVM API documentation, KVM_CAP_DIRTY_LOG_RING).
/// An entry's flags go around: 0 (free), DIRTY (KVM has put a page in), RESET (harvested), and by
/// KVM_RESET_DIRTY_RINGS, which write-protects the page again, 0.
class DirtyRing {
  public:
    /// `mapping` is that of a power of two of kvm_dirty_gfn.
    explicit DirtyRing(Mapping mapping)
        : mapping_(std::move(mapping)),
          entries_(static_cast<kvm_dirty_gfn*>(mapping_.address()),
                   mapping_.size() / sizeof(kvm_dirty_gfn)) {}

    /// Calls `page(slot, number in it)` for each that KVM has put in, in that order, and has the
    /// entries wait for their reset. Returns how many. KVM may go on to put pages in; one thread at
    /// a time harvests.
    template <typename Function>
    std::uint32_t harvest(Function&& page) {
        for (std::uint32_t count = 0;; ++count) {
            kvm_dirty_gfn& entry = entries_[next_ & (entries_.size() - 1)];
            const std::atomic_ref flags(entry.flags);
            // Acquire: KVM writes slot and offset before it sets DIRTY. Read earlier, they could be
            // those of the page that was here before.
            if ((flags.load(std::memory_order_acquire) & KVM_DIRTY_GFN_F_DIRTY) == 0) {
                return count;
            }
            page(entry.slot, entry.offset);
            // Release: a reset, which another thread may ask for, frees the entry as soon as it
            // sees RESET, and KVM writes another page into it. The reads above come before.
            flags.store(KVM_DIRTY_GFN_F_RESET, std::memory_order_release);
            ++next_;
        }
    }

  private:
    Mapping mapping_;
    std::span<kvm_dirty_gfn> entries_;
    std::size_t next_ = 0;  ///< counts on beyond the end; KVM starts at the first entry
};

}  // namespace nestbed::vmm
