// The report for a person.
#pragma once

#include <string>

#include "vmm/base/text.hpp"
#include "vmm/base/text_sink.hpp"
#include "vmm/result/run_report.hpp"

namespace nestbed::vmm {

struct HumanStyle {
    std::size_t name_width = 0;  ///< of the longest test name, for aligned lines
    bool verbose = false;        ///< log lines of tests that passed as well
    std::size_t width = any_width;
    bool has_color = false;
    bool brief = false;  ///< of a guest that died only why, where, and the way there
    bool quiet = false;  ///< nothing but failures and the summary
};

/// The name of a test as it stands in a line: a repetition has its number.
std::string display_name(const TestResult& test);

/// Of a flaky test: "failed 2 of 3 attempts: an expectation failed".
std::string flaky_text(const TestResult& test);

/// A line if the VMs' processes were not confined by all that there is.
std::string sandbox_text(const RunReport& report);

/// A test's line, and below it, indented, whatever there is to say about it. Nothing if it is not
/// worth one.
std::string human_test(const TestResult& test, const HumanStyle& style);

/// Why something measured has no row in its table: a line, and below it what else there is to say.
std::string without_row(const std::string& name, const TestResult& test);

/// The end of the report: summary, failed tests with place and reason, skipped ones with theirs.
std::string human_summary(const RunReport& report, const HumanStyle& style = {});

/// All of it.
void write_human(const RunReport& report, const HumanStyle& style, const TextSink& sink);

}  // namespace nestbed::vmm
