// What each kind of call takes, for a person.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "vmm/result/test_result.hpp"

namespace nestbed::vmm {

// What guest/suites/measure_hypercall.cpp calls its measurements.
namespace measurement {
inline constexpr char hypercall[] = "hypercall";
inline constexpr char bare_loop[] = "bare loop";
}  // namespace measurement

/// The median of a kind's calls over that of what the bare loop answered in the same run; nothing
/// without both.
std::optional<double> over_bare_loop(const TestResult& test);

/// Exits to the VMM per call, as the VMM counted them.
std::optional<double> exits_per_call(const TestResult& test);

/// The doorbell's bar: the most that its median may be over the bare loop's.
inline constexpr double doorbell_limit = 1.05;

/// A row for each test that measured its kind, KVM's counts, and for each other test why not.
std::string hypercall_table(const std::vector<TestResult>& tests);

/// "doorbell: 1.01 times the bare KVM loop, of 1.05 allowed: good"; empty if it was not measured.
std::string doorbell_line(const std::vector<TestResult>& tests);

}  // namespace nestbed::vmm
