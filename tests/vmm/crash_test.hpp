// Tests that run guests which die (guest/suites/crash.cpp).
#pragma once

#include <chrono>
#include <string>

#include "kvm_test.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm::test {

class CrashTest : public KvmTest {
  protected:
    /// Runs `crash.name`.
    TestResult crash(const std::string& name,
                     std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
        const GuestAndTest crash("crash", name);
        TestSettings settings;
        settings.timeout = timeout;
        settings.parameters = {{"depth", 100}};
        return run_test(system(), crash.guest, crash.test, settings, {});
    }

    /// Runs `crash.name`, which has to fail.
    TestResult failed(const std::string& name,
                      std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
        TestResult result = crash(name, timeout);
        EXPECT_EQ(result.verdict, Verdict::failed) << result.reason;
        return result;
    }
};

}  // namespace nestbed::vmm::test
