// The `mailbox` protocols: a slot for each target, acknowledged after its invalidation.
#pragma once

#include <atomic>
#include <cstdint>

#include "platform.hpp"

namespace nestbed::shootdown {

/// When the initiator invalidates on its own CPU.
enum class LocalInvalidation : std::uint8_t {
    first,       ///< Before it interrupts the targets.
    overlapped,  ///< While they are on their way.
};

/// Every CPU has a slot with room for one request. Initiators that share a target take turns at its
/// slot; others do not know of each other.
///
/// Why no target is missed. The initiator changed the tables before `shoot`, and looks at the set
/// of active CPUs after a full fence; a CPU that loads the space enters the set by a locked
/// instruction before it loads CR3. So either it is found in the set, or it walks the new tables.
///
/// Why a request is not overwritten under the target's eyes, nor mistaken for done: who claimed the
/// slot keeps it until the target has acknowledged the very number that was posted.
///
/// No two interrupts become one: only who claimed a slot interrupts its CPU, and waits for the
/// answer. One too many would do no harm either, since the handler goes by the slot.
///
/// Why nobody waits for ever: claims are taken in the order of CPU numbers, so waiting initiators
/// form no circle; whoever has all its claims interrupts the targets, and each answers, also while
/// it waits itself.
template <typename P, LocalInvalidation local>
requires Platform<P>
class BasicMailboxShootdown {
  public:
    using Space = typename P::Space;

    explicit constexpr BasicMailboxShootdown(P& platform) : platform_(platform) {}

    /// Call it with interrupts on and after the tables were changed. When it returns, no CPU uses
    /// an old translation of what was asked.
    void shoot(Space& space, const Request& request) {
        if (local == LocalInvalidation::first) {
            platform_.invalidate(space, request);
        }
        // The change to the tables before this, the look at the active CPUs after it: see above.
        platform_.fence();
        const CpuSet targets = platform_.active_cpus(space).without(platform_.current_cpu());
        targets.for_each([&](std::uint32_t cpu) {
            Slot& slot = slots_[cpu];
            claim(slot);
            slot.space = &space;
            slot.request = request;
            // Release: for the two stores above.
            slot.posted.store(++slot.last, std::memory_order_release);
        });
        if (!targets.empty()) {
            platform_.send_interrupt(targets);
        }
        if (local == LocalInvalidation::overlapped) {
            platform_.invalidate(space, request);
        }
        targets.for_each([&](std::uint32_t cpu) {
            Slot& slot = slots_[cpu];
            // Acquire: the target's invalidation is over before this sees its acknowledgement.
            while (slot.acknowledged.load(std::memory_order_acquire) != slot.last) {
                platform_.pause();
            }
            // Release: what was read of the slot, before the next claim.
            slot.claimed.store(false, std::memory_order_release);
        });
    }

    /// On each target, with interrupts off.
    void handle_interrupt() {
        Slot& slot = slots_[platform_.current_cpu()];
        const std::uint32_t posted = slot.posted.load(std::memory_order_acquire);
        if (posted == slot.acknowledged.load(std::memory_order_relaxed)) {
            return;
        }
        platform_.invalidate(*slot.space, slot.request);
        // Release: the invalidation, and every access that this CPU made through the old
        // translation, come before the acknowledgement.
        slot.acknowledged.store(posted, std::memory_order_release);
    }

  private:
    template <typename T>
    using Atomic = typename P::template Atomic<T>;

    struct alignas(64) Slot {
        Atomic<bool> claimed{false};
        Atomic<std::uint32_t> posted{0};
        Atomic<std::uint32_t> acknowledged{0};
        std::uint32_t last = 0;  ///< posted last; the claimer's
        Space* space = nullptr;  ///< the request, valid from `posted` to `acknowledged`
        Request request{};
    };

    void claim(Slot& slot) {
        while (slot.claimed.exchange(true, std::memory_order_acquire)) {
            platform_.pause();
        }
    }

    P& platform_;
    Slot slots_[P::max_cpus];
};

template <typename P>
using MailboxShootdown = BasicMailboxShootdown<P, LocalInvalidation::first>;

template <typename P>
using OverlappedMailboxShootdown = BasicMailboxShootdown<P, LocalInvalidation::overlapped>;

}  // namespace nestbed::shootdown
