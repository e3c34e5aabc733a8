// The `global` protocol: one lock, one request, a count of acknowledgements; what small kernels do.
#pragma once

#include <atomic>
#include <cstdint>

#include "platform.hpp"

namespace nestbed::shootdown {

/// One shootdown at a time in the whole machine. The initiator invalidates on its own CPU,
/// interrupts the other CPUs that have the address space loaded, and waits until the last has
/// invalidated.
///
/// Why no target is missed. The initiator changed the tables before `shoot`, takes the lock by a
/// locked instruction, which is a full fence, and looks at the set of active CPUs after that; a CPU
/// that loads the space enters the set by a locked instruction before it loads CR3. Of these two,
/// one comes first:
///   - the CPU enters before the look: it is interrupted;
///   - the look comes first: the CPU's CR3 load, and each walk after it, follows its entry, which
///     follows the look, which follows the change: it walks the new tables.
///
/// Why the request is not overwritten under a target's eyes: the initiator gives up the lock when
/// every target has acknowledged, and a target does not touch the request after that.
///
/// Why the count is exact: a target has at most one interrupt of this protocol outstanding, since
/// its initiator waits for it with the lock held. So no two interrupts merge into one, and each
/// handler runs for exactly one decrement.
template <Platform P>
class GlobalShootdown {
  public:
    using Space = typename P::Space;

    explicit constexpr GlobalShootdown(P& platform) : platform_(platform) {}

    /// Call it with interrupts on and after the tables were changed: an initiator that waits for
    /// the lock, or for its targets, must itself answer the initiator that holds the lock, else two
    /// that shoot at each other wait for ever. When it returns, no CPU uses an old translation of
    /// what was asked.
    void shoot(Space& space, const Request& request) {
        platform_.invalidate(space, request);
        lock();
        const CpuSet targets = platform_.active_cpus(space).without(platform_.current_cpu());
        if (!targets.empty()) {
            space_ = &space;
            request_ = request;
            // Release: pairs with the acquire in handle_interrupt, for the two stores above.
            pending_.store(targets.size(), std::memory_order_release);
            platform_.send_interrupt(targets);
            // Acquire: each target's invalidation is over before this sees its decrement.
            while (pending_.load(std::memory_order_acquire) != 0) {
                platform_.pause();
            }
        }
        unlock();
    }

    /// On each target, with interrupts off.
    void handle_interrupt() {
        static_cast<void>(pending_.load(std::memory_order_acquire));
        platform_.invalidate(*space_, request_);
        // Release: the invalidation, and every access that this CPU made through the old
        // translation, come before the acknowledgement.
        pending_.fetch_sub(1, std::memory_order_release);
    }

  private:
    void lock() {
        // Sequentially consistent: also the fence between the change to the tables and the look at
        // the active CPUs.
        while (locked_.exchange(true, std::memory_order_seq_cst)) {
            platform_.pause();
        }
    }
    void unlock() { locked_.store(false, std::memory_order_release); }

    template <typename T>
    using Atomic = typename P::template Atomic<T>;

    P& platform_;
    Atomic<bool> locked_{false};
    Atomic<std::uint32_t> pending_{0};  ///< targets that have not acknowledged
    Space* space_ = nullptr;            ///< the request, valid while `pending_` is not 0
    Request request_{};
};

}  // namespace nestbed::shootdown
