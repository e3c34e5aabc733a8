// Until when software that walks tables without a lock may still be in them.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>

#include "../paging/fatal.hpp"

namespace nestbed::shootdown {

/// Software that walks tables without the writers' lock (`paging::Mapper::lookup`, `paging::walk`)
/// may stand in a table that `unmap_range` or `merge` has just detached. No shootdown waits for
/// it: an invalidation is over when no *processor* walks the table. To walk with interrupts off is
/// no protection either, since not every protocol interrupts all CPUs: `paravirtual` leaves out
/// those that are descheduled, `deferred` and `polled` interrupt none. So walkers enter and leave,
/// and whoever reclaims waits for those that were inside:
///
///     walker                                   writer, with the lock
///     epoch.enter(cpu);                        auto detached = mapper.unmap_range(range);
///     auto found = mapper.lookup(address);     auto done = std::move(*detached).invalidate(...);
///     epoch.leave(cpu);                        epoch.wait(pause);
///                                              mapper.reclaim(std::move(done), sink);
///
/// What is found says what was mapped at some moment in between. That protects the tables alone:
/// the frame which it names may have another use by then, unless whoever gives frames back, by
/// whatever token, waits for the epoch before that, too.
///
/// A walker's number is odd while it is inside. Both sides change it by locked instructions, also
/// the writer, which adds 0 to look. Of a walker's entering and the writer's look, one comes first:
///   - the walker's: the writer finds an odd number and waits until it is another. It waits for
///     this one walk only, as a walker that enters again has the next odd number;
///   - the writer's: what it detached before is visible to the walker, which finds the way closed.
/// In the first case what the walker reads comes before its leaving, and that before the table is
/// freed.
///
/// Who waits is not inside. A walker does not wait for the writers' lock while it is inside, and
/// does not enter twice, which stops the program: an interrupt handler that walks has a number of
/// its own, or walkers have interrupts off.
///
/// `Atomic` is std::atomic, or what stands for it in a simulated machine.
template <std::uint32_t max_walkers, template <typename> typename Atomic = std::atomic>
class WalkerEpoch {
  public:
    /// `walker` is the calling one, below `max_walkers`; often its CPU.
    void enter(std::uint32_t walker) {
        // Acquire: the writer's look, if that came before. Release: for a look that comes after.
        if (walkers_[walker].number.fetch_add(1, std::memory_order_acq_rel) % 2 != 0) {
            nestbed_paging_fatal("shootdown: a walker that is inside enters once more");
        }
    }

    void leave(std::uint32_t walker) {
        // Release: the walk is over.
        if (walkers_[walker].number.fetch_add(1, std::memory_order_release) % 2 == 0) {
            nestbed_paging_fatal("shootdown: a walker that is not inside leaves");
        }
    }

    /// Returns when all walkers that may have seen the tables as they were before the call have
    /// left. `pause()` is one turn of a waiting loop.
    template <std::invocable Pause>
    void wait(Pause&& pause) {
        for (Walker& walker : walkers_) {
            // Release: what was detached. Acquire: a walk that is over.
            const std::uint64_t seen = walker.number.fetch_add(0, std::memory_order_acq_rel);
            const bool inside = seen % 2 != 0;
            while (inside && walker.number.load(std::memory_order_acquire) == seen) {
                pause();
            }
        }
    }

  private:
    /// In a cache line of its own, since walkers write to it at each walk.
    struct alignas(64) Walker {
        Atomic<std::uint64_t> number{0};
    };

    Walker walkers_[max_walkers];
};

}  // namespace nestbed::shootdown
