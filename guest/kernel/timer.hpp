// The local APIC's timer: interrupts on the calling CPU (SDM Vol. 3A 11.5.4).
#pragma once

#include <cstdint>

namespace nestbed::guest::timer {

/// Interrupts the calling CPU every `microseconds`, by `vector`, until `stop`. Real time only as
/// far as KVM's local APIC has its usual bus clock of 1 GHz.
void start(std::uint8_t vector, std::uint32_t microseconds);

/// Once, after `microseconds`; instead of what was started before.
void start_once(std::uint8_t vector, std::uint32_t microseconds);

/// On the calling CPU. An interrupt that is pending already still comes.
void stop();

}  // namespace nestbed::guest::timer
