// One guest test in one fresh VM, from nothing to a verdict.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>

#include "vmm/kvm/system.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/platform/machine.hpp"
#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

/// What is asked of the VM; a test may need more vCPUs and more memory of either kind. Dirty
/// logging of any kind is instead of what a test needs.
struct TestSettings : MachineSettings {
    TestSettings() { memory = 64 << 20; }

    /// Nothing: what the test asks for, or 10 s, and as much again for each time that the vCPUs
    /// outnumber the host's cores, since vCPUs that wait for each other then wait for the host's
    /// scheduler.
    std::optional<std::chrono::milliseconds> timeout;
    std::optional<std::chrono::milliseconds> slow_after;  ///< nothing: half of the timeout
    bool memory_report = false;  ///< read back at the end what the guest's memory is made of
    std::string expected;        ///< a measurement without which it has failed; empty: none
    /// Looks at the VM when its test has passed and it still exists, and may add to the result. If
    /// that takes long it is to look at the token, too.
    std::function<void(const Machine&, TestResult&, const std::stop_token&)> inspect;
};

/// vCPUs that `test` gets with these settings.
std::uint32_t cpus_of(const GuestTest& test, const TestSettings& settings);

/// Throws Error(usage) if this host's KVM has no VM with so many.
void refuse_too_many_cpus(const kvm::System& system, std::uint32_t cpus);

/// Throws nothing: what the guest does is in the result, and so is the error if its VM could not be
/// made or run.
TestResult run_test(const kvm::System& system, const Guest& guest, const GuestTest& test,
                    const TestSettings& settings, const std::stop_token& stop);

}  // namespace nestbed::vmm
