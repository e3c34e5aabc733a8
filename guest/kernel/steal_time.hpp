// KVM's steal time: how long each vCPU was kept from running, and whether it runs right now.
#pragma once

#include <atomic>
#include <cstdint>

namespace nestbed::guest::steal_time {

/// Whether CPUID offers it.
bool is_offered();

/// Whether CPUID offers a flush of vCPUs that do not run, asked for by `preempted`.
bool offers_tlb_flush();

/// Has KVM keep the calling CPU's, if it is offered. Call it on each CPU.
void enable();

/// Nanoseconds stolen from a CPU so far; 0 before `enable`.
std::uint64_t stolen(std::uint32_t cpu);

/// By which KVM and the guest speak of a CPU that does not run (shared/shootdown/paravirtual.hpp);
/// it stays 0 before `enable`.
std::atomic<std::uint8_t>& preempted(std::uint32_t cpu);

}  // namespace nestbed::guest::steal_time
