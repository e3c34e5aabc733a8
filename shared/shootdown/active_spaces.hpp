// Which address space each CPU has loaded.
#pragma once

#include <atomic>
#include <concepts>
#include <cstdint>

#include "cpu_set.hpp"

namespace nestbed::shootdown {

/// An address space that knows the CPUs that may hold translations of it.
template <typename S>
concept LoadableSpace = requires(S& space, std::uint32_t cpu) {
    space.active_set().insert(cpu);
    space.active_set().erase(cpu);
};

/// The address space that each CPU has loaded; null for the kernel's own tables, which belong to no
/// space. It keeps the spaces' sets of active CPUs true around each load of CR3.
///
/// A CPU enters the new space's set before it loads CR3. An initiator that changes an entry and
/// then looks at the set either finds the CPU there and interrupts it, or looked before the CPU
/// entered; then the CR3 load and each walk after it come later than the change. Entering after CR3
/// is loaded would leave a gap in which the CPU caches the old entry and no shootdown reaches it.
///
/// It leaves the old space's set after CR3 is loaded. Until then it may walk and hold the old
/// space's translations; leaving before would free a frame that it can still reach.
///
/// Interrupts are off on the calling CPU from before `load` or `unload` until after it. The handler
/// of a shootdown invalidates if `current` says that the space is loaded. Between the change of
/// `current` and the load of CR3 it would find the old space not loaded, acknowledge without an
/// invalidation, and go back to code that runs on the old translations. With interrupts off it runs
/// before, when both say the old space, or after CR3 was loaded, which took those translations
/// away. (That asks for a CR3 load that flushes: with PCIDs and bit 63 of CR3 set, or for global
/// pages, it does not.)
///
/// `Atomic` is std::atomic, or what stands for it in a simulated machine.
template <typename Space, std::uint32_t max_cpus, template <typename> typename Atomic = std::atomic>
class ActiveSpaces {
    static_assert(max_cpus <= 64, "a CpuSet holds CPUs 0 to 63");

  public:
    /// Makes `space` the calling CPU's: `write_cr3()` loads CR3 with its root. Nothing happens, and
    /// CR3 is not written, if it is loaded already. `cpu` is the calling one, below `max_cpus`.
    template <std::invocable WriteCr3>
    void load(std::uint32_t cpu, Space& space, WriteCr3&& write_cr3) requires LoadableSpace<Space> {
        Space* const previous = current(cpu);
        if (previous == &space) {
            return;
        }
        space.active_set().insert(cpu);
        replace(cpu, previous, &space, write_cr3);
    }

    /// Goes back to the kernel's own tables: `write_cr3()` loads CR3 with their root. Nothing
    /// happens, and CR3 is not written, if no space is loaded.
    template <std::invocable WriteCr3>
    void unload(std::uint32_t cpu, WriteCr3&& write_cr3) requires LoadableSpace<Space> {
        Space* const previous = current(cpu);
        if (previous != nullptr) {
            replace(cpu, previous, nullptr, write_cr3);
        }
    }

    /// The space that a CPU has loaded, or null. Of another CPU it may be out of date at once.
    Space* current(std::uint32_t cpu) const { return loaded_[cpu].load(std::memory_order_relaxed); }

  private:
    template <typename WriteCr3>
    void replace(std::uint32_t cpu, Space* previous, Space* next, WriteCr3& write_cr3) {
        loaded_[cpu].store(next, std::memory_order_relaxed);
        write_cr3();
        if (previous != nullptr) {
            previous->active_set().erase(cpu);
        }
    }

    // Relaxed, and side by side: the sets are what other CPUs go by. A CPU changes its own pointer
    // only when it changes its space, so that sharing the line disturbs nobody in between.
    Atomic<Space*> loaded_[max_cpus] = {};
};

}  // namespace nestbed::shootdown
