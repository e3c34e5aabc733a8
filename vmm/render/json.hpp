// Results as JSON. Within one schema version keys are added, never renamed, and keep their meaning.
#pragma once

#include <string>
#include <vector>

#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

inline constexpr int json_schema = 1;

/// One object for the whole run, indented, with a final line end.
std::string json_report(const RunReport& report);

/// `nestbed doctor --json`: the same object without tests.
std::string json_host_report(const std::vector<std::string>& command, const HostDescription& host,
                             const std::optional<Calibration>& calibration);

}  // namespace nestbed::vmm
