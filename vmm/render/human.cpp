#include "vmm/render/human.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <span>

#include "vmm/base/table.hpp"
#include "vmm/base/text.hpp"
#include "vmm/render/blame.hpp"
#include "vmm/render/excerpt.hpp"
#include "vmm/render/paint.hpp"
#include "vmm/result/measurement_table.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::size_t detail_indent = 6;

std::string verdict_mark(Verdict verdict, bool has_color) {
    return verdict == Verdict::passed   ? painted("PASS", Ink::green, has_color)
           : verdict == Verdict::failed ? painted("FAIL", Ink::red, has_color)
                                        : painted("SKIP", Ink::yellow, has_color);
}

std::string name_without_number(const TestResult& test) {
    std::string name = printable(test.full_name());
    return test.point.empty() ? name : fmt::format("{} ({})", name, test.point);
}

std::string indented(std::string_view line) {
    return line.empty() ? "\n" : std::string(detail_indent, ' ') + printable(line) + "\n";
}

template <typename Lines>
std::string indented_lines(const Lines& lines) {
    std::string text;
    for (const std::string_view line : lines) {
        text += indented(line);
    }
    return text;
}

/// Failed expectations, log, diagnosis.
std::string attempt_details(const Attempt& attempt, bool has_log, const HumanStyle& style) {
    std::string text;
    for (const std::string& failure : failure_excerpt(attempt, "\n    ")) {
        text += indented_lines(lines_of(failure));
    }
    if (has_log) {
        text += indented_lines(log_excerpt(attempt));
    }
    const bool is_brief = style.brief && !attempt.brief_diagnosis.empty();
    return text + indented_lines(lines_of(is_brief ? attempt.brief_diagnosis : attempt.diagnosis));
}

/// A diagnosis ends with the last log lines.
bool needs_log(const Attempt& failed) { return failed.diagnosis.empty(); }

/// What came of it before it was run again; in detail if that is all there is of a failure.
std::string attempts_text(const TestResult& test, const HumanStyle& style) {
    std::string text;
    for (std::size_t n = 0; n < test.failed_attempts.size(); ++n) {
        const Attempt& attempt = test.failed_attempts[n];
        text += indented(fmt::format("attempt {} failed: {}", n + 1, attempt.reason));
        if (test.is_flaky()) {
            text += attempt_details(attempt, needs_log(attempt), style);
        }
    }
    return text;
}

/// True if a diagnosis that is shown stands for a longer one.
bool has_brief_diagnosis(const TestResult& test) {
    const auto has_one = [](const Attempt& attempt) { return !attempt.brief_diagnosis.empty(); };
    return has_one(test) || (test.is_flaky() && std::ranges::any_of(test.failed_attempts, has_one));
}

std::string slow_text(const TestResult& test) {
    return test.is_slow() ? indented(fmt::format("slow: it took more than {} of its timeout of {}",
                                                 duration(test.slow_after), duration(test.timeout)))
                          : "";
}

/// What stands below the line: attempts, failed expectations, log, diagnosis, measurements.
std::string human_details(const TestResult& test, const HumanStyle& style) {
    const bool has_log = style.verbose || (test.verdict == Verdict::failed && needs_log(test));
    return slow_text(test) + attempts_text(test, style) + attempt_details(test, has_log, style) +
           measurement_tables(test, detail_indent, style.width);
}

/// On one line, if there is room for that.
std::string test_line(const TestResult& test, const HumanStyle& style) {
    const std::string name = display_name(test);
    const std::string figures = fmt::format("  {:>2} vCPU{}  {:>9}", test.cpus,
                                            test.cpus == 1 ? " " : "s", duration(test.seconds)) +
                                (test.is_flaky() ? "  flaky" : "");
    const std::size_t besides = detail_indent + width_of(figures);  // the mark's columns, too
    const std::size_t room = style.width - std::min(style.width, besides);
    std::string text = verdict_mark(test.verdict, style.has_color) + "  ";
    if (width_of(name) <= room) {
        text += fmt::format("{:<{}}", name, std::min(style.name_width, room)) + figures;
    } else {
        text += name + "\n" + std::string(detail_indent - 2, ' ') + figures;
    }
    const std::string reason =
        printable(test.reason.empty() ? test.sub_results.counts.text() : test.reason);
    if (reason.empty()) {
        return text + "\n";
    }
    const std::size_t used = width_of(text.substr(text.rfind('\n') + 1)) + 2 + width_of(reason);
    // Why a guest died takes a line of its own.
    if (test.diagnosis.empty() && used <= style.width) {
        return text + "  " + reason + "\n";
    }
    return text + "\n" +
           indented_lines(wrapped(reason, style.width - std::min(style.width, detail_indent)));
}

/// Of all runs of one test, or of one point of a study, those with one verdict.
struct WithVerdict {
    std::uint64_t count = 0;
    std::vector<std::uint64_t> first_numbers = {};  ///< as many as are shown
    std::string first_reason = {};

    static constexpr std::size_t most_numbers = 5;

    void add(const TestResult& test) {
        if (count++ == 0) {
            first_reason = test.verdict == Verdict::failed ? text_of(blame_of(test)) : test.reason;
        }
        if (first_numbers.size() < most_numbers) {
            first_numbers.push_back(test.repetition);
        }
    }
};

struct Repeated {
    std::string name;
    std::uint64_t runs = 0;
    WithVerdict failed = {};
    WithVerdict skipped = {};

    void add(const TestResult& test) {
        ++runs;
        if (test.verdict != Verdict::passed) {
            (test.verdict == Verdict::failed ? failed : skipped).add(test);
        }
    }
    const WithVerdict& those(Verdict verdict) const {
        return verdict == Verdict::failed ? failed : skipped;
    }
};

/// In the order in which each was run first.
std::vector<Repeated> by_name(const RunReport& report) {
    std::vector<Repeated> all;
    std::map<std::string, std::size_t> places;
    for (const TestResult& test : report.tests) {
        const std::string name = name_without_number(test);
        const auto [place, is_new] = places.emplace(name, all.size());
        if (is_new) {
            all.push_back({name});
        }
        all[place->second].add(test);
    }
    return all;
}

/// "failed 4 of 12 (#2, #5, #7, #9): ", of a test that was repeated.
std::string count_text(const Repeated& test, Verdict verdict) {
    const WithVerdict& those = test.those(verdict);
    if (test.runs == 1) {
        return "";
    }
    std::vector<std::string> numbers;
    for (const std::uint64_t number : those.first_numbers) {
        numbers.push_back(fmt::format("#{}", number));
    }
    if (those.count > numbers.size()) {
        numbers.emplace_back("…");
    }
    return fmt::format(
        "{} {} of {}{}: ", verdict_name(verdict), those.count, test.runs,
        those.count == test.runs ? "" : fmt::format(" ({})", fmt::join(numbers, ", ")));
}

std::string names_and_reasons(const std::vector<Repeated>& tests, Verdict verdict,
                              std::size_t width) {
    Table table = Table::of_facts();
    for (const Repeated& test : tests) {
        if (const WithVerdict& those = test.those(verdict); those.count != 0) {
            table.add_row({test.name, count_text(test, verdict) + printable(those.first_reason)});
        }
    }
    return table.text(2, width);
}

std::string summary_counts(const Summary& summary, bool has_color) {
    const auto count = [&](std::uint64_t number, Verdict verdict, Ink ink) {
        return painted(fmt::format("{} {}", number, verdict_name(verdict)), ink,
                       has_color && number != 0);
    };
    const std::string flaky = summary.flaky == 0 ? "" : fmt::format(" ({} flaky)", summary.flaky);
    return fmt::format("{}{}, {}, {}", count(summary.passed, Verdict::passed, Ink::green), flaky,
                       count(summary.failed, Verdict::failed, Ink::red),
                       count(summary.skipped, Verdict::skipped, Ink::yellow));
}

std::string flaky_tests(const RunReport& report, std::size_t width) {
    Table table = Table::of_facts();
    for (const TestResult& test : report.tests) {
        if (test.is_flaky()) {
            table.add_row({display_name(test), printable(flaky_text(test))});
        }
    }
    return table.empty() ? "" : "flaky:\n" + table.text(2, width);
}

}  // namespace

std::string flaky_text(const TestResult& test) {
    const std::size_t failed = test.failed_attempts.size();
    return fmt::format("failed {} of {} attempts: {}", failed, failed + 1,
                       test.failed_attempts.front().reason);
}

std::string display_name(const TestResult& test) {
    const std::string name = name_without_number(test);
    return test.repetition == 1 ? name : fmt::format("{} #{}", name, test.repetition);
}

std::string sandbox_text(const RunReport& report) {
    return report.lacks_sandbox ? fmt::format("sandbox: {}\n", report.sandbox) : "";
}

std::string human_test(const TestResult& test, const HumanStyle& style) {
    if (style.quiet && test.verdict != Verdict::failed) {
        return "";
    }
    return test_line(test, style) + human_details(test, style);
}

std::string without_row(const std::string& name, const TestResult& test) {
    return fmt::format("{}: {}: {}\n", verdict_name(test.verdict), name, printable(test.reason)) +
           human_details(test, {});
}

std::string human_summary(const RunReport& report, const HumanStyle& style) {
    const Summary summary = report.summary();
    if (report.nothing_to_run) {
        return printable(fmt::format("{}", fmt::join(report.remarks, "; "))) + "\n";
    }
    std::string text =
        fmt::format("{}{} in {}: {}\n", style.quiet && summary.failed == 0 ? "" : "\n",
                    counted(summary.total(), "test"), duration(report.seconds),
                    summary_counts(summary, style.has_color));
    for (const std::string& remark : report.remarks) {
        text += printable(remark) + "\n";
    }
    text += sandbox_text(report);
    if (const std::string shortcoming = report.shortcoming(); !shortcoming.empty()) {
        text += printable(shortcoming) + "\n";
    }
    const std::vector<Repeated> tests = by_name(report);
    for (const Verdict verdict : {Verdict::failed, Verdict::skipped}) {
        if (style.quiet && verdict == Verdict::skipped) {
            continue;
        }
        const std::string listed = names_and_reasons(tests, verdict, style.width);
        text += listed.empty() ? "" : fmt::format("{}:\n{}", verdict_name(verdict), listed);
    }
    if (style.brief && std::ranges::any_of(report.tests, has_brief_diagnosis)) {
        text += paragraphs(
            "diagnoses are brief: --diagnosis full has registers, page walks and all vCPUs",
            style.width);
    }
    text += flaky_tests(report, style.width);
    if (report.has_only_skips()) {
        text += "every test was skipped: this run is not a success\n";
    }
    return text;
}

void write_human(const RunReport& report, const HumanStyle& style, const TextSink& sink) {
    for (const TestResult& test : report.tests) {
        sink(human_test(test, style));
    }
    sink(human_summary(report, style));
}

}  // namespace nestbed::vmm
