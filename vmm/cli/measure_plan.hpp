// What a `nestbed measure` command runs, and what it makes of the results.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/result/run_report.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {

/// One VM.
struct MeasureRun {
    std::string text;  ///< for the progress line
    std::string test;  ///< of the plan's guest
    TestSettings settings;
    /// Then the guest is told by the parameter `hypercalls` whether they come back (1) or not (0).
    bool wants_hypercalls = false;
};

struct MeasurePlan {
    std::string_view guest;  ///< a built-in one
    std::vector<MeasureRun> runs;
    /// The results of the first runs, as many as there are, as text.
    std::function<std::string(const std::vector<TestResult>&)> text;
    /// Puts what was found into the report, beyond the tests that are in it.
    std::function<void(RunReport&)> conclude = [](RunReport&) {};
};

}  // namespace nestbed::vmm
