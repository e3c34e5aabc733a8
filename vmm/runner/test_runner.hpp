// One guest test in one fresh VM, from nothing to a verdict.
#pragma once

#include <chrono>
#include <stop_token>

#include "vmm/kvm/system.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/machine/machine.hpp"
#include "vmm/report/result.hpp"

namespace nestbed::vmm {

struct TestSettings {
    std::uint32_t cpus = 1;          ///< vCPUs, at least; a test may need more
    std::uint64_t memory = 64 << 20; ///< bytes of guest memory, at least
    Backing backing = Backing::small_pages;
    std::chrono::milliseconds timeout{10'000};
    bool pin = false;
    std::vector<std::pair<std::string, std::uint64_t>> parameters;
};

/// Throws Error if the VM cannot be made; whatever the guest does is in the result.
TestResult run_test(const kvm::System& system, const Guest& guest, const GuestTest& test,
                    const TestSettings& settings, const std::stop_token& stop);

}  // namespace nestbed::vmm
