// What GitHub's runner makes of a line of output that is a workflow command, and what of a test.
// (docs.github.com, "Workflow commands for GitHub Actions".)
#pragma once

#include <string>
#include <string_view>

#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

/// A command's message: one line.
std::string workflow_message(std::string_view text);
/// The value of one of its properties, in which `:` and `,` are marks as well.
std::string workflow_property(std::string_view text);

/// An `::error` at the place of each test that failed, and one for what was not run.
std::string github_annotations(const RunReport& report);

}  // namespace nestbed::vmm
