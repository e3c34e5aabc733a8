// The `deferred` protocol, after LATR (Kumar et al., "LATR: Lazy Translation Coherence", ASPLOS
// 2018): no interrupt; each CPU looks at its next tick for what it has to invalidate.
#pragma once

#include <atomic>
#include <cstdint>

#include "platform.hpp"

namespace nestbed::shootdown {

/// A shootdown that was posted. As it is made it has passed.
struct Ticket {
    std::uint64_t number = 0;  ///< of its CPU's, from 1 on
};

/// Every CPU has a ring of records; one holds a request and the set of CPUs that have yet to carry
/// it out. A CPU that takes translations away invalidates its own, publishes a record, and goes on
/// (`post`). Every CPU sweeps at each tick of its timer and whenever it enters the kernel: it looks
/// through all records, invalidates where it is in the set, then leaves the set. When the set is
/// empty the ticket has `passed`, and what the pages and tables led to may be freed. Until then
/// CPUs may go on reading and writing it through old translations, so this is for translations that
/// are taken away. Who lowers permissions, or moves a page, must wait until the ticket has passed
/// (`shoot`), and that takes as long as a tick.
///
/// Why no target is missed: as in BasicMailboxShootdown. Who leaves the space later stays in the
/// set, and leaves that too when it sweeps.
///
/// Why a record is not overwritten under a target's eyes: it is used again when its set is empty,
/// and a CPU touches it only until it leaves the set. LATR sends interrupts when no record is free;
/// here `post` waits for its oldest.
///
/// Why a CPU does not leave the set of a record that it has not carried out. It could if a tick
/// came while it sweeps, swept all, and the record was used again before it went on. So a sweep
/// does nothing while another goes on below it.
///
/// Why nobody waits for ever: who waits sweeps, and its ticks come as well; so do those of all
/// others, which wait for nobody in them.
template <typename P, std::uint32_t ring_size>
requires Platform<P>
class BasicDeferredShootdown {
  public:
    using Space = typename P::Space;

    explicit constexpr BasicDeferredShootdown(P& platform) : platform_(platform) {}

    /// `post`, and waits until it has passed. Call it with interrupts on and after the tables were
    /// changed. When it returns, no CPU uses an old translation of what was asked.
    void shoot(Space& space, const Request& request) {
        const Ticket ticket = post(space, request);
        while (!passed(ticket)) {
            sweep();
            platform_.pause();
        }
    }

    /// Call it with interrupts on and after the tables were changed. When it returns, this CPU
    /// uses no old translation of what was asked; others may until the ticket has passed.
    Ticket post(Space& space, const Request& request) {
        platform_.invalidate(space, request);
        // The change to the tables before this, the look at the active CPUs after it.
        platform_.fence();
        const CpuSet targets = platform_.active_cpus(space).without(platform_.current_cpu());
        if (targets.empty()) {
            return {};
        }
        Ring& ring = rings_[platform_.current_cpu()];
        Record& record = ring.records[(ring.posted + 1) % ring_size];
        // Acquire: who was in the set has done with the record.
        while (record.waiting.load(std::memory_order_acquire) != 0) {
            sweep();
            platform_.pause();
        }
        record.space = &space;
        record.request = request;
        // Release: for the two stores above.
        record.waiting.store(targets.bits(), std::memory_order_release);
        return {++ring.posted};
    }

    /// Whether no CPU uses an old translation of what was asked. By the CPU that has posted it.
    bool passed(const Ticket& ticket) const {
        const Ring& ring = rings_[platform_.current_cpu()];
        // A record is used again only when its request has passed.
        // Acquire: the invalidations are over before this sees the empty set.
        return ticket.number + ring_size <= ring.posted ||
               ring.records[ticket.number % ring_size].waiting.load(std::memory_order_acquire) == 0;
    }

    /// On each CPU, again and again: from its timer's interrupt, and when it enters the kernel.
    /// Interrupts may be on.
    void tick() { sweep(); }

  private:
    template <typename T>
    using Atomic = typename P::template Atomic<T>;

    struct alignas(64) Record {
        Atomic<std::uint64_t> waiting{0};  ///< the CPUs that have yet to carry it out
        Space* space = nullptr;            ///< the request, valid while `waiting` is not 0
        Request request{};
    };

    struct alignas(64) Ring {
        Record records[ring_size] = {};
        std::uint64_t posted = 0;  ///< how many; the CPU's own
    };

    /// Whether a CPU sweeps. std::atomic, not the platform's: only its own interrupts see it.
    struct alignas(64) Sweeping {
        std::atomic<bool> now{false};
    };

    void sweep() {
        const std::uint32_t self = platform_.current_cpu();
        std::atomic<bool>& sweeping = sweeping_[self].now;
        if (sweeping.load(std::memory_order_relaxed)) {
            return;
        }
        sweeping.store(true, std::memory_order_relaxed);
        // The compiler keeps the looks at records between the two; the processor does for its own
        // interrupts.
        std::atomic_signal_fence(std::memory_order_seq_cst);
        for (std::uint32_t cpu = 0; cpu < platform_.cpu_count(); ++cpu) {
            for (Record& record : rings_[cpu].records) {
                carry_out(record, CpuSet::of(self));
            }
        }
        std::atomic_signal_fence(std::memory_order_seq_cst);
        sweeping.store(false, std::memory_order_relaxed);
    }

    void carry_out(Record& record, CpuSet self) {
        // Acquire: for the request.
        if ((record.waiting.load(std::memory_order_acquire) & self.bits()) == 0) {
            return;
        }
        platform_.invalidate(*record.space, record.request);
        // Release: the invalidation, and every access that this CPU made through the old
        // translation, come before.
        record.waiting.fetch_and(~self.bits(), std::memory_order_release);
    }

    P& platform_;
    Ring rings_[P::max_cpus];
    Sweeping sweeping_[P::max_cpus];
};

template <typename P>
using DeferredShootdown = BasicDeferredShootdown<P, 8>;

}  // namespace nestbed::shootdown
