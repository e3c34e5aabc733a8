#include "vmm/render/excerpt.hpp"

#include <fmt/format.h>

namespace nestbed::vmm {

std::string gap_text(std::uint64_t left_out, std::string_view noun) {
    return fmt::format("… {} {}{} left out", grouped(left_out), noun, left_out == 1 ? "" : "s");
}

std::vector<std::string> log_excerpt(const TestResult& test) {
    return excerpt(test.log, test.log_left_out, shown_log_lines, "line",
                   [](const std::string& line) { return line; });
}

std::vector<std::string> failure_excerpt(const TestResult& test, std::string_view separator) {
    return excerpt(test.failures, test.failures_left_out, shown_failures, "failure",
                   [&](const FailedExpectation& failure) {
                       return fmt::format("{}:{}: expected {}{}{}", printable(failure.file),
                                          failure.line, printable(failure.expression), separator,
                                          printable(failure.values));
                   });
}

}  // namespace nestbed::vmm
