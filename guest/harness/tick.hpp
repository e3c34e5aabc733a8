// The timer interrupt of protocols that work by it: again and again, each time a tick after the
// last one was dealt with. Were they periodic, a CPU that takes longer than a tick for one (whose
// kernel mode is interpreted, or that shares its core with many) would do nothing else any more.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest/kernel/cpu.hpp"
#include "guest/kernel/timer.hpp"
#include "shared/channel/abi.hpp"

namespace nestbed::guest {

inline constexpr std::uint8_t tick_vector = 0xD0;
/// As a kernel with 1000 ticks a second.
inline constexpr std::uint32_t tick_microseconds = 1000;

/// Whether a CPU is to be interrupted again. Each is its CPU's and its interrupts' alone.
inline constinit std::atomic<bool> has_ticks[channel::max_cpus]{};

/// At the end of the interrupt. One that was pending when the ticks ended comes still, and is the
/// last.
inline void start_next_tick() {
    if (has_ticks[this_cpu_index()].load(std::memory_order_relaxed)) {
        timer::start_once(tick_vector, tick_microseconds);
    }
}

template <typename Protocol>
inline constexpr bool needs_ticks = requires(Protocol& protocol) {
    protocol.tick();
};

/// While it exists, the calling CPU is interrupted by `tick_vector`, if the protocol needs that.
template <typename Protocol>
class TicksWhileInScope {
  public:
    TicksWhileInScope() {
        if constexpr (needs_ticks<Protocol>) {
            has_ticks[this_cpu_index()].store(true, std::memory_order_relaxed);
            start_next_tick();
        }
    }
    ~TicksWhileInScope() {
        if constexpr (needs_ticks<Protocol>) {
            // First: an interrupt between the two must not start the timer again. WRMSR is a
            // barrier for the compiler.
            has_ticks[this_cpu_index()].store(false, std::memory_order_relaxed);
            timer::stop();
        }
    }
    TicksWhileInScope(const TicksWhileInScope&) = delete;
    TicksWhileInScope& operator=(const TicksWhileInScope&) = delete;
};

}  // namespace nestbed::guest
