// The ring in which KVM keeps writes to coalesced zones (KVM API documentation, 4.116:
// KVM_(UN)REGISTER_COALESCED_MMIO).
#pragma once

#include <linux/kvm.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace nestbed::kvm {

/// One write.
struct CoalescedWrite {
    bool to_port;
    std::uint64_t address;  ///< the port, or the guest physical address
    std::uint32_t bytes;
    std::uint64_t value;
};

/// One per VM. KVM's end is under a lock of its own; this end belongs to one thread.
class CoalescedRing {
  public:
    /// `page` is the ring's, in a vCPU's mapping.
    explicit CoalescedRing(std::byte* page) : page_(page) {}

    /// Hands all writes to `take(CoalescedWrite)`, the oldest first, and makes room for more.
    template <typename Take>
    void empty(Take&& take) {
        const std::atomic_ref<std::uint32_t> first(field(offsetof(kvm_coalesced_mmio_ring, first)));
        const std::atomic_ref<std::uint32_t> last(field(offsetof(kvm_coalesced_mmio_ring, last)));
        // Only this end moves `first`. Acquire: what KVM wrote before it moved `last`.
        std::uint32_t at = first.load(std::memory_order_relaxed);
        const std::uint32_t end = last.load(std::memory_order_acquire);
        for (; at != end; at = (at + 1) % capacity) {
            kvm_coalesced_mmio entry;
            std::memcpy(&entry, page_ + entries_at + at * sizeof entry, sizeof entry);
            std::uint64_t value = 0;
            std::memcpy(&value, entry.data, sizeof value);
            take(CoalescedWrite{entry.pio != 0, entry.phys_addr, entry.len, value});
        }
        // Release: the entries were read before KVM may use them again.
        first.store(at, std::memory_order_release);
    }

    /// Of the entries one always stays free.
    static constexpr std::size_t page_bytes = 4096;
    static constexpr std::size_t entries_at = 2 * sizeof(std::uint32_t);
    static constexpr std::uint32_t capacity =
        (page_bytes - entries_at) / sizeof(kvm_coalesced_mmio);

  private:
    std::uint32_t& field(std::size_t offset) const {
        return *reinterpret_cast<std::uint32_t*>(page_ + offset);
    }

    std::byte* page_;
};
static_assert(sizeof(kvm_coalesced_mmio) == 24);

}  // namespace nestbed::kvm
