// The log of which pages of the test memory were written, as KVM's bitmap or by its rings.
#pragma once

#include <linux/kvm.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "shared/channel/dirty_logging.hpp"
#include "vmm/base/descriptor.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/machine/vcpus.hpp"
#include "vmm/services/test_memory.hpp"

namespace nestbed::vmm {

/// Why this host's KVM cannot log like that; nothing if it can.
std::optional<std::string> objection_to(const channel::DirtyLogging& wanted,
                                        const kvm::System& system);

/// Has KVM log like that in `vm`, which has no vCPUs yet. Returns what it got: a ring's entries are
/// a number then. Throws Error if KVM refuses.
channel::DirtyLogging enable_dirty_logging(const channel::DirtyLogging& wanted,
                                           const kvm::System& system, kvm::Vm& vm);

/// One vCPU's ring of pages that were written, from the side that harvests it (KVM API
/// documentation, KVM_CAP_DIRTY_LOG_RING).
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

/// Pages are those of the test memory. Its functions are called by one thread at a time; meanwhile
/// vCPUs may run. None but start() allocates.
///
/// Pages harvested from rings are gathered in a bitmap, where they stay until they are cleared.
/// What keeps a page from being lost: as long as it can be written without KVM's notice, it is in a
/// ring, or was harvested from one into the bitmap and not cleared since. A page becomes writable
/// with its entry in a ring; only a reset write-protects it, and clear() ends with one.
class DirtyLog {
  public:
    /// `obtained` is what enable_dirty_logging() returned for `vm`; `vcpus` are all that it has.
    DirtyLog(const channel::DirtyLogging& obtained, kvm::Vm& vm, const Vcpus& vcpus,
             TestMemory& test_memory);

    /// Registers what answers the exits of vCPUs whose ring is full.
    void register_in(ExitTable& exits);

    /// Which pages are written from now on is logged.
    void start() { test_memory_.log_writes(true); }

    /// No longer; nothing is in the log. Returns how often a vCPU left the guest for a full ring.
    std::uint64_t stop();

    /// Puts the log so far into `bitmap`, a bit for each page of the test memory. Pages stay in it
    /// until they are cleared.
    void collect(std::span<std::uint64_t> bitmap);

    /// Takes the pages with a bit in `bitmap`, whose first is that of `first_page`, a multiple of
    /// 64, out of the log. Of each that is written after it returned, a later collect() tells.
    void clear(std::uint64_t first_page, std::span<const std::uint64_t> bitmap);

  private:
    /// Else it is KVM's bitmap.
    bool has_rings() const { return !rings_.empty(); }
    void harvest(DirtyRing& ring);
    void harvest_all();
    void reset();

    kvm::Vm& vm_;
    const Vcpus& vcpus_;
    TestMemory& test_memory_;

    // Taken in the exit path of a full ring alone: other vCPUs' threads harvest and reset, too.
    std::mutex mutex_;
    std::vector<DirtyRing> rings_;       // by vCPU; guarded by mutex_, as all below
    std::vector<std::uint64_t> bitmap_;  // harvested and not cleared
    std::uint64_t harvested_ = 0;        // entries that were not reset since
    std::uint64_t full_exits_ = 0;
};

}  // namespace nestbed::vmm
