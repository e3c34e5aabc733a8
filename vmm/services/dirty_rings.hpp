// The dirty log as a ring of pages for each vCPU.
//
// Harvested pages are gathered in a bitmap, where they stay until they are cleared. What keeps a
// page from being lost: as long as it can be written without KVM's notice, it is in a ring, or was
// harvested from one into the bitmap and not cleared since. A page becomes writable with its entry
// in a ring; only a reset write-protects it, and clear() ends with one.
#pragma once

#include <deque>
#include <mutex>
#include <vector>

#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/services/dirty_log.hpp"
#include "vmm/services/dirty_ring.hpp"

namespace nestbed::vmm {

class DirtyRings final : public DirtyLog {
  public:
    /// `vm` was given rings of `entries`, and `vcpus` are all that it has.
    DirtyRings(kvm::Vm& vm, std::deque<VcpuThread>& vcpus, std::uint32_t entries,
               TestMemory& test_memory);

    std::uint64_t stop() override;
    void collect(std::span<std::uint64_t> bitmap) override;
    void clear(std::uint64_t first_page, std::span<const std::uint64_t> bitmap) override;

    /// A vCPU has left the guest since its ring is full (KVM_EXIT_DIRTY_RING_FULL): makes room. On
    /// the vCPU's thread, at any time.
    void make_room(std::uint32_t cpu);

  private:
    void harvest(DirtyRing& ring);
    void harvest_all();
    void reset();

    kvm::Vm& vm_;
    // Taken in the exit path of a full ring alone: other vCPUs' threads harvest and reset, too.
    std::mutex mutex_;
    std::vector<DirtyRing> rings_;       // by vCPU; guarded by mutex_, as all below
    std::vector<std::uint64_t> bitmap_;  // harvested and not cleared
    std::uint64_t harvested_ = 0;        // entries that were not reset since
    std::uint64_t full_exits_ = 0;
};

}  // namespace nestbed::vmm
