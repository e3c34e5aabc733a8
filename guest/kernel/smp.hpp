// Running code on the other CPUs, and meeting there.
#pragma once

#include <atomic>
#include <cstdint>
#include <type_traits>

#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"

namespace nestbed::guest {

/// Vector of the interrupt that wakes an idle CPU; the suites' own vectors are below it.
inline constexpr std::uint8_t wake_vector = 0xF0;

std::uint32_t cpu_count();

/// Panics if the VM has fewer CPUs.
void require_cpus(std::uint64_t count);
/// Panics if it has no CPU of that number. 64 bits, for cpu + 1 is not to be 0.
inline void require_cpu(std::uint32_t cpu) { require_cpus(std::uint64_t{cpu} + 1); }

/// Runs `work` on CPU `cpu`, which must be idle, and returns at once. CPU 0 runs the test and never
/// is. Each start needs its wait_for, before the next one and before the test returns.
void start_on(std::uint32_t cpu, Work work);

/// Waits until the work given to `cpu` is done. What the work wrote is visible afterwards.
void wait_for(std::uint32_t cpu);

/// Panics if some CPU's work was not waited for: it could fail after the test has passed.
void require_no_work();

[[noreturn]] void panic_for_a_meeting_of_none();
[[noreturn]] void panic_for_a_run_on_none();

/// Runs `function(cpu)` on CPUs 0 to `count`-1 side by side, the calling CPU 0 included, and
/// returns when all are done. Interrupts are on in it.
template <typename Function>
void run_on_cpus(std::uint32_t count, Function function) {
    if (count == 0) [[unlikely]] {
        panic_for_a_run_on_none();
    }
    const Work work{[](void* callable) { (*static_cast<Function*>(callable))(this_cpu().index); },
                    &function};
    require_cpus(count);
    for (std::uint32_t cpu = 1; cpu < count; ++cpu) {
        start_on(cpu, work);
    }
    function(0U);
    for (std::uint32_t cpu = 1; cpu < count; ++cpu) {
        wait_for(cpu);
    }
}

/// A meeting point of a fixed number of CPUs, to be used again and again.
class Rendezvous {
  public:
    explicit constexpr Rendezvous(std::uint32_t cpus) : cpus_(cpus) {
        if (cpus == 0) {
            panic_for_a_meeting_of_none();  // in a constant, an error of the compiler's
        }
        if (!std::is_constant_evaluated()) {
            require_cpus(cpus);
        }
    }

    /// Returns when all CPUs have come. What each did before is visible to all after.
    void meet() {
        meet([] {});
    }

    /// The same; `idle()` is called over and over while the CPU waits.
    template <typename Idle>
    void meet(Idle&& idle) {
        // The last to come opens the next round. It resets `arrived_` before it does, while
        // everyone else still waits for the round to change, so nobody can be counted into the
        // wrong round.
        const std::uint32_t round = round_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == cpus_) {
            arrived_.store(0, std::memory_order_relaxed);
            round_.store(round + 1, std::memory_order_release);
            return;
        }
        // A static one was made before the number of CPUs was known.
        require_cpus(cpus_);
        const WaitMark mark(channel::WaitKind::meeting, cpus_, this);
        while (round_.load(std::memory_order_acquire) == round) {
            idle();
            pause();
        }
    }

  private:
    std::uint32_t cpus_;
    std::atomic<std::uint32_t> arrived_{0};
    std::atomic<std::uint32_t> round_{0};
};

/// An application processor's life: report as online, wait for work, do it, again.
[[noreturn]] void idle();

/// Waits until all application processors are online: from then on each takes interrupts. Before,
/// its local APIC is off and drops them.
void wait_for_application_processors();

}  // namespace nestbed::guest
