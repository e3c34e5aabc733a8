// The periodic timer interrupt of protocols that work by it.
#pragma once

#include <cstdint>

#include "guest/kernel/timer.hpp"

namespace nestbed::guest {

inline constexpr std::uint8_t tick_vector = 0xD0;
/// As a kernel with 1000 ticks a second.
inline constexpr std::uint32_t tick_microseconds = 1000;

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
            timer::start(tick_vector, tick_microseconds);
        }
    }
    ~TicksWhileInScope() {
        if constexpr (needs_ticks<Protocol>) {
            timer::stop();
        }
    }
    TicksWhileInScope(const TicksWhileInScope&) = delete;
    TicksWhileInScope& operator=(const TicksWhileInScope&) = delete;
};

}  // namespace nestbed::guest
