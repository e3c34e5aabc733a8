// The ring in which KVM keeps writes to coalesced zones (KVM API documentation, 4.116:
// KVM_(UN)REGISTER_COALESCED_MMIO).
#pragma once

#include <linux/kvm.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace nestbed::kvm {

/// One per VM. KVM's end is under a lock of its own; this end belongs to one thread.
class CoalescedRing {
  public:
    /// `page` is the ring's, in a vCPU's mapping.
    explicit CoalescedRing(std::byte* page) : page_(reinterpret_cast<Page*>(page)) {}

    /// Hands all writes to `take(const kvm_coalesced_mmio&)`, oldest first; makes room for more.
    template <typename Take>
    void empty(Take&& take) {
        const std::atomic_ref first(page_->first);
        // Only this end moves `first`. Acquire: what KVM wrote before it moved `last`.
        std::uint32_t at = first.load(std::memory_order_relaxed);
        const std::uint32_t end = std::atomic_ref(page_->last).load(std::memory_order_acquire);
        for (; at != end; at = (at + 1) % capacity) {
            take(page_->writes[at]);
        }
        // Release: the entries were read before KVM may use them again.
        first.store(at, std::memory_order_release);
    }

  private:
    /// Of the entries one always stays free.
    static constexpr std::uint32_t capacity = (4096 - 8) / sizeof(kvm_coalesced_mmio);
    /// struct kvm_coalesced_mmio_ring, which ends with a flexible array.
    struct Page {
        std::uint32_t first;
        std::uint32_t last;
        std::array<kvm_coalesced_mmio, capacity> writes;
    };
    static_assert(sizeof(kvm_coalesced_mmio) == 24);

    Page* page_;
};

}  // namespace nestbed::kvm
