// Tests that run guests which die (guest/suites/crash.cpp, mistakes.cpp).
#pragma once

#include <chrono>
#include <string>

#include "kvm_test.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm::test {

class CrashTest : public KvmTest {
  protected:
    explicit CrashTest(const char* guest = "crash") : guest_(guest) {}

    /// Runs a test of that guest.
    TestResult crash(const std::string& name,
                     std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
        const GuestAndTest crash(guest_, name);
        TestSettings settings;
        settings.timeout = timeout;
        settings.parameters = {{"depth", 100}};
        return run_test(system(), crash.guest, crash.test, settings, {});
    }

    /// Runs one which has to fail.
    TestResult failed(const std::string& name,
                      std::chrono::milliseconds timeout = std::chrono::seconds(20)) {
        TestResult result = crash(name, timeout);
        EXPECT_EQ(result.verdict, Verdict::failed) << result.reason;
        return result;
    }

  private:
    const char* guest_;
};

}  // namespace nestbed::vmm::test
