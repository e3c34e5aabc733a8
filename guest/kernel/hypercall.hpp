// Calls that KVM itself answers (Linux, Documentation/virt/kvm/x86/hypercalls.rst).
//
// Only where they are known to come back: where KVM has no VMX or SVM below it, VMCALL never does
// (docs/kvm-hosts.md). The host finds that out before it asks a guest for any.
#pragma once

#include <cstdint>

#include "shared/shootdown/cpu_set.hpp"

namespace nestbed::guest::hypercall {

/// A call that does nothing. Returns, or not.
void nothing();

/// Whether CPUID offers `send_interrupt`.
bool offers_interrupts();
/// KVM_HC_SEND_IPI: interrupts all of `targets` by one call. Stores before it are visible to them.
void send_interrupt(shootdown::CpuSet targets, std::uint8_t vector);

/// Whether CPUID offers `yield_to`.
bool offers_yield();
/// KVM_HC_SCHED_YIELD: gives the rest of the caller's time slice to this CPU, if it waits for one.
void yield_to(std::uint32_t cpu);

}  // namespace nestbed::guest::hypercall
