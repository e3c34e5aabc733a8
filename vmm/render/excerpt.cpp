#include "vmm/render/excerpt.hpp"

#include <fmt/format.h>

namespace nestbed::vmm {

std::string gap_text(std::uint64_t left_out, std::string_view noun) {
    return fmt::format("… {} {}{} left out", grouped(left_out), noun, left_out == 1 ? "" : "s");
}

std::vector<std::string> log_excerpt(const Attempt& attempt) {
    return excerpt(attempt.log, attempt.log_left_out, shown_log_lines, "line",
                   [](const std::string& line) { return line; });
}

std::vector<std::string> failure_excerpt(const Attempt& attempt, std::string_view separator) {
    return excerpt(attempt.failures, attempt.failures_left_out, shown_failures, "failure",
                   [&](const FailedExpectation& failure) {
                       return fmt::format("{}:{}: expected {}{}{}", printable(failure.file),
                                          failure.line, printable(failure.expression), separator,
                                          printable(failure.values));
                   });
}

}  // namespace nestbed::vmm
