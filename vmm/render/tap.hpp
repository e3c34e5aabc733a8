// Results in the Test Anything Protocol (testanything.org). It calls itself version 13, which every
// consumer takes; nothing in it differs in version 14.
#pragma once

#include <string>
#include <string_view>

#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

/// A description: one line, in which `#` starts no directive.
std::string tap_escaped(std::string_view text);

/// If some tests did not finish, the last line bails out.
std::string tap_report(const RunReport& report);

}  // namespace nestbed::vmm
