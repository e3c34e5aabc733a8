// Results as JUnit XML, as CI systems read it: one testsuite per suite.
#pragma once

#include <string>
#include <string_view>

#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

/// Any bytes as XML character data or attribute value: markup is escaped, and what XML 1.0 cannot
/// hold at all is shown as `\x1b` (control characters) or U+FFFD (everything else).
std::string xml_escaped(std::string_view text);

/// If some tests did not finish, an erroneous test case `nestbed.run` says so.
std::string junit_report(const RunReport& report);

}  // namespace nestbed::vmm
