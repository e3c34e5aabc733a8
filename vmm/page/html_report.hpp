// Results as one HTML page, which needs nothing else: no network, no other file.
#pragma once

#include <string>
#include <vector>

namespace nestbed::vmm {

/// A JSON report of nestbed run or nestbed measure.
struct ReportSource {
    std::string path;
    std::string text;
};

/// All of them, and the differences of the first to each other one. Throws Error(input), naming the
/// file, if one is no such report.
std::string html_report(const std::vector<ReportSource>& sources);

}  // namespace nestbed::vmm
