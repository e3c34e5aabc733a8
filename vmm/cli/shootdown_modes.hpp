// What `nestbed measure shootdown` can measure: latencies, a soak, the crossover.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "vmm/cli/shootdown_options.hpp"
#include "vmm/report/run_report.hpp"

namespace nestbed::vmm {

/// One VM.
struct ShootdownRun {
    std::string text;  ///< for the progress line
    TestSettings settings;
    bool wants_hypercalls = false;  ///< then it is told whether they come back
};

struct ShootdownMode {
    const char* test;  ///< of the guest `measure_shootdown`
    std::vector<ShootdownRun> runs;
    /// The results of the first runs, as many as there are, as text.
    std::function<std::string(const std::vector<TestResult>&)> text;
    /// Puts what was found into the report, beyond the tests that are in it.
    std::function<void(RunReport&)> conclude = [](RunReport&) {};
};

/// Throws Error(bad_input) if two are asked for at once.
ShootdownMode shootdown_mode(const ShootdownOptions& options);

}  // namespace nestbed::vmm
