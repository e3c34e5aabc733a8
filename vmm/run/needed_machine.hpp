// The VM and the time that a test gets: of what it needs and what is asked for, the more.
#pragma once

#include <chrono>
#include <cstdint>

#include "vmm/kvm/system.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/run/test_settings.hpp"

namespace nestbed::vmm {

/// A test asks for what it cannot have here. It alone has failed then.
struct UnmetNeed {
    std::string text;
};

/// vCPUs that `test` gets with these settings.
std::uint32_t cpus_of(const GuestTest& test, const TestSettings& settings);

/// Throws UnmetNeed.
MachineSettings needed_machine(const GuestTest& test, const TestSettings& settings,
                               const kvm::System& system);

/// The same, of a guest that is not ours.
PcSettings needed_pc(const GuestTest& test, const TestSettings& settings,
                     const kvm::System& system);

/// Bytes of the host's memory that a VM of `test` may take, with what belongs to it; without end if
/// it is more than there can be.
std::uint64_t host_memory_of(const GuestTest& test, const TestSettings& settings);

std::chrono::milliseconds timeout_of(const GuestTest& test, const TestSettings& settings);

/// Throws Error(usage) if this host's KVM has no VM with so many.
void refuse_too_many_cpus(const kvm::System& system, std::uint32_t cpus);

}  // namespace nestbed::vmm
