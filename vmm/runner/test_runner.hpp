// One guest test in one fresh VM, from nothing to a verdict.
#pragma once

#include <chrono>
#include <stop_token>

#include "vmm/kvm/system.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/report/result.hpp"

namespace nestbed::vmm {

/// Enough for any guest of ours with 64 vCPUs to start.
inline constexpr std::uint64_t least_guest_memory = 8ULL << 20;
/// Guest memory is one piece from address 0; the local APIC and KVM's TSS need the end of the 4 GiB.
inline constexpr std::uint64_t most_guest_memory = 3ULL << 30;

struct TestSettings {
    std::uint32_t cpus = 1;          ///< vCPUs, at least; a test may need more
    std::uint64_t memory = 64 << 20; ///< bytes of guest memory, at least
    Backing backing = Backing::small_pages;
    std::chrono::milliseconds timeout{10'000};
    bool pin = false;
    std::vector<std::pair<std::string, std::uint64_t>> parameters;
};

/// vCPUs that `test` gets with these settings.
std::uint32_t cpus_of(const GuestTest& test, const TestSettings& settings);

/// Throws Error(bad_input) if this host's KVM has no VM with so many.
void refuse_too_many_cpus(const kvm::System& system, std::uint32_t cpus);

/// Throws Error if the VM cannot be made; whatever the guest does is in the result.
TestResult run_test(const kvm::System& system, const Guest& guest, const GuestTest& test,
                    const TestSettings& settings, const std::stop_token& stop);

}  // namespace nestbed::vmm
