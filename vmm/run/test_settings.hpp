// What is asked of a test's VM, by options or a study.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "vmm/platform/machine.hpp"
#include "vmm/result/test_result.hpp"
#include "vmm/sandbox/sandbox.hpp"

namespace nestbed::vmm {

/// What a VM, and the process that it runs in, is kept to.
struct Confinement {
    Sandbox sandbox = Sandbox::on;
    std::uint64_t memory_limit = ~std::uint64_t{0};  ///< bytes, of all VMs together
};

/// A test may need more vCPUs and more memory of either kind. Dirty logging of any kind is instead
/// of what a test needs.
struct TestSettings : MachineSettings {
    TestSettings() { memory = 64 << 20; }

    /// Nothing: what the test asks for, or 10 s, and as much again for each time that the vCPUs
    /// outnumber the host's cores, since vCPUs that wait for each other then wait for the host's
    /// scheduler.
    std::optional<std::chrono::milliseconds> timeout;
    std::optional<std::chrono::milliseconds> slow_after;  ///< nothing: half of the timeout
    std::string expected;  ///< a measurement without which it has failed; empty: none
    /// Looks at the VM when its test has passed and it still exists, and may add to the result; in
    /// the VM's process, confined as it is, and with as much memory of its own. If that takes long
    /// it is to look at the token, too.
    std::function<void(const Machine&, TestResult&, const std::stop_token&)> inspect;
    std::uint64_t memory_of_inspection = 0;
    Confinement confinement;
    /// Is told what a guest that is not ours writes to its serial line, as it comes; may be empty.
    std::function<void(std::string_view)> serial;
};

}  // namespace nestbed::vmm
