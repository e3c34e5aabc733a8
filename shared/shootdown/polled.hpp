// The `polled` protocol: no interrupt; targets look for requests by themselves, over and over. What
// it costs is the least that a software acknowledgement can cost.
#pragma once

#include <atomic>
#include <cstdint>

#include "platform.hpp"

namespace nestbed::shootdown {

/// Every CPU has a slot with room for one request, in a line of its own; a word of it says who
/// asks. An initiator claims the slot, writes its request, and puts its number in the word; the
/// target, which polls the word, invalidates and sets it back to nobody, which is both the
/// acknowledgement and the end of the claim. So the line goes there and back.
///
/// Why no target is missed: as in BasicMailboxShootdown. It must poll, though: one in user mode or
/// in HLT does not answer, and the initiator waits until it does.
///
/// Why a request is not overwritten under the target's eyes, nor mistaken for done: the word leaves
/// an initiator's number only by the target's acknowledgement, and gets it only by that initiator.
///
/// Why nobody waits for ever: an initiator that waits for a claim holds none, since it asks as soon
/// as it has claimed; and who was asked answers, also while it waits itself, since initiators poll
/// then.
template <typename P>
requires Platform<P>
class PolledShootdown {
  public:
    using Space = typename P::Space;

    explicit constexpr PolledShootdown(P& platform) : platform_(platform) {}

    /// Call it after the tables were changed, and not from `poll`; interrupts may be off. When it
    /// returns, no CPU uses an old translation of what was asked.
    void shoot(Space& space, const Request& request) {
        // The change to the tables before this, the look at the active CPUs after it.
        platform_.fence();
        const CpuSet targets = platform_.active_cpus(space).without(platform_.current_cpu());
        const std::uint32_t mine = asked_by(platform_.current_cpu());
        targets.for_each([&](std::uint32_t cpu) {
            Slot& slot = slots_[cpu];
            claim(slot);
            slot.space = &space;
            slot.request = request;
            // Release: for the two stores above.
            slot.state.store(mine, std::memory_order_release);
        });
        // Only now: the targets invalidate meanwhile.
        platform_.invalidate(space, request);
        targets.for_each([&](std::uint32_t cpu) {
            // Acquire: the target's invalidation is over before this sees its acknowledgement.
            while (slots_[cpu].state.load(std::memory_order_acquire) == mine) {
                poll();
                platform_.pause();
            }
        });
    }

    /// On each target, over and over; not in the middle of another `poll`.
    void poll() {
        Slot& slot = slots_[platform_.current_cpu()];
        // Acquire: for the request.
        if (slot.state.load(std::memory_order_acquire) <= claimed) {
            return;
        }
        platform_.invalidate(*slot.space, slot.request);
        // Release: the invalidation, and every access that this CPU made through the old
        // translation, come before the acknowledgement.
        slot.state.store(unclaimed, std::memory_order_release);
    }

  private:
    template <typename T>
    using Atomic = typename P::template Atomic<T>;

    // States of a slot; above them, who asks.
    static constexpr std::uint32_t unclaimed = 0;
    static constexpr std::uint32_t claimed = 1;
    static constexpr std::uint32_t asked_by(std::uint32_t cpu) { return claimed + 1 + cpu; }

    struct alignas(64) Slot {
        Atomic<std::uint32_t> state{unclaimed};
        Space* space = nullptr;  ///< the request, valid while somebody asks
        Request request{};
    };

    void claim(Slot& slot) {
        std::uint32_t expected = unclaimed;
        // Acquire: the target has done with the last request.
        while (!slot.state.compare_exchange_strong(expected, claimed, std::memory_order_acquire)) {
            expected = unclaimed;
            poll();
            platform_.pause();
        }
    }

    P& platform_;
    Slot slots_[P::max_cpus];
};

}  // namespace nestbed::shootdown
