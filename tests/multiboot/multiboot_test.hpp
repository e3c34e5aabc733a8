// For tests that run multiboot guests (tests/multiboot/guests).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/vmm/cli_test.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::test {

inline std::string multiboot_guest(const std::string& name) {
    return NESTBED_GUESTS "/multiboot/" + name + ".elf";
}

class Multiboot : public WithKvm {
  protected:
    using Change = std::function<void(vmm::PcSettings&)>;

    /// Runs a guest, on a PC that `change` has been at, with as much time as it could need.
    vmm::TestResult run(
        const std::string& name, const Change& change = [](vmm::PcSettings&) {},
        std::chrono::seconds timeout = std::chrono::minutes(1)) const {
        const vmm::Guest guest = vmm::Guest::read(multiboot_guest(name));
        vmm::GuestTest test = guest.tests().front();
        change(*test.pc);
        test.needs.cpus = test.pc->cpus;
        vmm::TestSettings settings;
        settings.timeout = timeout;
        return run_test(system(), guest, test, settings, {});
    }

    vmm::TestResult run_with(const std::string& name, const std::string& arguments) const {
        return run(name, [&](vmm::PcSettings& pc) { pc.command_line = arguments; });
    }

    /// Runs one of those that say of each thing whether it is as it should be: all `checks` are.
    vmm::TestResult expect_pass(
        const std::string& name, std::uint64_t checks,
        const Change& change = [](vmm::PcSettings&) {}) const {
        vmm::TestResult result = run(name, change);
        EXPECT_EQ(result.verdict, vmm::Verdict::passed)
            << result.reason << testing::PrintToString(result.log) << result.diagnosis;
        EXPECT_EQ(result.exit_value, 0U);
        EXPECT_EQ(result.sub_results.counts.failures(), 0U) << testing::PrintToString(result.log);
        EXPECT_EQ(result.sub_results.counts.total(), checks) << testing::PrintToString(result.log);
        return result;
    }
};

/// What stands behind `name` and a blank in a line of the log; "" if there is none.
inline std::string said(const vmm::TestResult& result, const std::string& name) {
    for (const std::string& line : result.log) {
        if (line.starts_with(name + " ")) {
            return line.substr(name.size() + 1);
        }
    }
    return "";
}

}  // namespace nestbed::test
