// Sending one interrupt to several CPUs.
#pragma once

#include <cstdint>

#include "shared/shootdown/cpu_set.hpp"
#include "shared/study/shootdown_axes.hpp"

namespace nestbed::guest {

using study::Routing;

/// Interrupts each of `targets` once, and nobody else. The calling CPU is not among them. Stores
/// before it are visible to them in the handler.
void send(Routing routing, shootdown::CpuSet targets, std::uint8_t vector);

}  // namespace nestbed::guest
