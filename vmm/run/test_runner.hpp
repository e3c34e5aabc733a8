// One guest test in one fresh VM, from nothing to a verdict.
#pragma once

#include <stop_token>

#include "vmm/kvm/system.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/result/test_result.hpp"
#include "vmm/run/test_settings.hpp"

namespace nestbed::vmm {

/// In a process of its own (vm_process.hpp). Throws nothing: what the guest does is in the result,
/// and so is the error if its VM could not be made or run.
TestResult run_test(const kvm::System& system, const Guest& guest, const GuestTest& test,
                    const TestSettings& settings, const std::stop_token& stop);

}  // namespace nestbed::vmm
