// The dirty log as a ring of pages for each vCPU.
//
// Harvested pages are gathered in a bitmap, where they stay until they are cleared. What keeps a
// page from being lost: as long as it can be written without KVM's notice, it is in a ring, or was
// harvested from one into the bitmap and not cleared since. A page becomes writable with its entry
// in a ring; only a reset write-protects it, and clear() ends with one.
#pragma once

#include <linux/kvm.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "vmm/base/descriptor.hpp"
#include "vmm/services/dirty_log.hpp"

namespace nestbed::vmm {

/// One vCPU's ring, from the side that harvests it (KVM API documentation, KVM_CAP_DIRTY_LOG_RING).
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

class DirtyRings final : public DirtyLog {
  public:
    /// `vm` was given rings of `entries`, and `vcpus` are all that it has.
    DirtyRings(kvm::Vm& vm, const Vcpus& vcpus, TestMemory& test_memory, std::uint32_t entries);

    void register_in(ExitTable& exits) override;
    std::uint64_t stop() override;
    void collect(std::span<std::uint64_t> bitmap) override;
    void clear(std::uint64_t first_page, std::span<const std::uint64_t> bitmap) override;

  private:
    /// A vCPU has left the guest since its ring is full: makes room. On its thread, at any time.
    void make_room(std::uint32_t cpu);
    void harvest(DirtyRing& ring);
    void harvest_all();
    void reset();

    // Taken in the exit path of a full ring alone: other vCPUs' threads harvest and reset, too.
    std::mutex mutex_;
    std::vector<DirtyRing> rings_;       // by vCPU; guarded by mutex_, as all below
    std::vector<std::uint64_t> bitmap_;  // harvested and not cleared
    std::uint64_t harvested_ = 0;        // entries that were not reset since
    std::uint64_t full_exits_ = 0;
};

}  // namespace nestbed::vmm
