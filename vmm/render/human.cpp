#include "vmm/render/human.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"
#include "vmm/result/measurement_table.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::size_t detail_indent = 6;

const char* verdict_mark(Verdict verdict) {
    return verdict == Verdict::passed ? "PASS" : verdict == Verdict::failed ? "FAIL" : "SKIP";
}

std::string indented(std::string_view line, std::size_t more = 0) {
    return std::string(detail_indent + more, ' ') + printable(line) + "\n";
}

std::string failure_text(const FailedExpectation& failure) {
    return indented(
               fmt::format("{}:{}: expected {}", failure.file, failure.line, failure.expression)) +
           indented(failure.values, 4);
}

/// What came of it before it was run again; in detail if that is all there is of a failure.
std::string attempts_text(const TestResult& test) {
    std::string text;
    for (std::size_t n = 0; n < test.failed_attempts.size(); ++n) {
        const FailedAttempt& attempt = test.failed_attempts[n];
        text += indented(fmt::format("attempt {} failed: {}", n + 1, attempt.reason));
        if (test.is_flaky()) {
            for (const FailedExpectation& failure : attempt.failures) {
                text += failure_text(failure);
            }
        }
    }
    return text;
}

std::string slow_text(const TestResult& test) {
    return test.is_slow() ? indented(fmt::format("slow: it took more than {} of its timeout of {}",
                                                 duration(test.slow_after), duration(test.timeout)))
                          : "";
}

/// What stands below the line: failed expectations, log, diagnosis, measurements.
std::string human_details(const TestResult& test, const HumanStyle& style) {
    std::string text = slow_text(test) + attempts_text(test);
    for (const FailedExpectation& failure : test.failures) {
        text += failure_text(failure);
    }
    // A diagnosis ends with the last log lines.
    const bool needs_log = test.verdict == Verdict::failed && test.diagnosis.empty();
    if (needs_log || style.verbose) {
        for (const std::string& line : test.log) {
            text += indented(line);
        }
    }
    for (const std::string_view line : lines_of(test.diagnosis)) {
        text += line.empty() ? "\n" : indented(line);
    }
    return text + measurement_tables(test, detail_indent, style.width);
}

std::string names_and_reasons(const RunReport& report, Verdict verdict) {
    Table table({{"", Table::Align::left}, {"", Table::Align::left}});
    for (const TestResult& test : report.tests) {
        if (test.verdict == verdict) {
            table.add_row({display_name(test), printable(test.reason)});
        }
    }
    return table.text(2);
}

std::string flaky_count(const Summary& summary) {
    return summary.flaky == 0 ? "" : fmt::format(" ({} flaky)", summary.flaky);
}

std::string flaky_tests(const RunReport& report) {
    Table table({{"", Table::Align::left}, {"", Table::Align::left}});
    for (const TestResult& test : report.tests) {
        if (test.is_flaky()) {
            table.add_row({display_name(test), printable(flaky_text(test))});
        }
    }
    return table.empty() ? "" : "flaky:\n" + table.text(2);
}

}  // namespace

std::string flaky_text(const TestResult& test) {
    const std::size_t failed = test.failed_attempts.size();
    return fmt::format("failed {} of {} attempts: {}", failed, failed + 1,
                       test.failed_attempts.front().reason);
}

std::string display_name(const TestResult& test) {
    std::string name = printable(test.full_name());
    if (!test.point.empty()) {
        name += " (" + test.point + ")";
    }
    return test.repetition == 1 ? name : fmt::format("{} #{}", name, test.repetition);
}

std::string human_test(const TestResult& test, const HumanStyle& style) {
    std::string text = fmt::format("{}  {:<{}}  {:>2} vCPU{}  {:>9}", verdict_mark(test.verdict),
                                   display_name(test), style.name_width, test.cpus,
                                   test.cpus == 1 ? " " : "s", duration(test.seconds));
    if (test.is_flaky()) {
        text += "  flaky";
    }
    if (!test.reason.empty()) {
        // Why a guest died takes a line of its own.
        text += (test.diagnosis.empty() ? "  " : "\n" + std::string(detail_indent, ' ')) +
                printable(test.reason);
    }
    return text + "\n" + human_details(test, style);
}

std::string without_row(const std::string& name, const TestResult& test) {
    return fmt::format("{}: {}: {}\n", verdict_name(test.verdict), name, printable(test.reason)) +
           human_details(test, {});
}

std::string human_summary(const RunReport& report) {
    const Summary summary = report.summary();
    if (report.nothing_to_run) {
        return printable(fmt::format("{}", fmt::join(report.remarks, "; "))) + "\n";
    }
    std::string text =
        fmt::format("\n{} in {}: {} passed{}, {} failed, {} skipped\n",
                    counted(summary.total(), "test"), duration(report.seconds), summary.passed,
                    flaky_count(summary), summary.failed, summary.skipped);
    for (const std::string& remark : report.remarks) {
        text += printable(remark) + "\n";
    }
    if (const std::string shortcoming = report.shortcoming(); !shortcoming.empty()) {
        text += printable(shortcoming) + "\n";
    }
    for (const Verdict verdict : {Verdict::failed, Verdict::skipped}) {
        if (const std::string tests = names_and_reasons(report, verdict); !tests.empty()) {
            text += fmt::format("{}:\n{}", verdict_name(verdict), tests);
        }
    }
    text += flaky_tests(report);
    if (summary.skipped != 0 && summary.skipped == summary.total() && report.shard.empty()) {
        text += "every test was skipped: this run is not a success\n";
    }
    return text;
}

std::string human_report(const RunReport& report, const HumanStyle& style) {
    std::string text;
    for (const TestResult& test : report.tests) {
        text += human_test(test, style);
    }
    return text + human_summary(report);
}

}  // namespace nestbed::vmm
