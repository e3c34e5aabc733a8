#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "vmm/base/text.hpp"
#include "vmm/render/excerpt.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/human.hpp"

namespace nestbed::vmm {

namespace {

/// A string that YAML reads as it was: JSON's strings are YAML's double-quoted ones.
std::string yaml_string(std::string_view text) {
    return json_printable(nlohmann::json(valid_utf8(text)).dump());
}

template <typename Lines>
std::string yaml_list(const char* key, const Lines& lines) {
    if (lines.empty()) {
        return "";
    }
    std::string text = fmt::format("  {}:\n", key);
    for (const auto& line : lines) {
        text += fmt::format("    - {}\n", yaml_string(line));
    }
    return text;
}

std::string diagnostics(const TestResult& test) {
    std::string text = fmt::format("  ---\n  message: {}\n  file: {}\n  line: {}\n",
                                   yaml_string(test.reason), yaml_string(test.file), test.line);
    if (test.error) {
        text += fmt::format("  error: {}\n", name_of(test.error->kind()));
    }
    std::vector<std::string> failed_checks;
    for (const SubResult& check : test.sub_results.all) {
        if (check.is_failure()) {
            failed_checks.push_back(check.text);
        }
    }
    return text + yaml_list("failures", failure_excerpt(test, ": ")) +
           yaml_list("failed_checks", excerpt(failed_checks, 0, shown_failures, "check",
                                              [](const std::string& one) { return one; })) +
           yaml_list("log", log_excerpt(test)) + yaml_list("diagnosis", lines_of(test.diagnosis)) +
           "  ...\n";
}

std::string tap_line(std::size_t number, const TestResult& test) {
    std::string line = fmt::format("{} {} - {}", test.verdict == Verdict::failed ? "not ok" : "ok",
                                   number, tap_escaped(display_name(test)));
    if (test.verdict == Verdict::skipped) {
        line += " # SKIP " + printable(test.reason);
    }
    if (test.is_flaky()) {
        line += "\n# flaky: " + printable(flaky_text(test));
    }
    return line + "\n";
}

/// A plan of no tests says why there are none.
std::string plan_lines(const RunReport& report) {
    const std::uint64_t tests = report.tests.size() + report.not_finished;
    std::string lines = fmt::format("1..{}", tests);
    if (report.nothing_to_run && tests == 0) {
        return lines + " # SKIP " + printable(fmt::format("{}", fmt::join(report.remarks, "; "))) +
               "\n";
    }
    for (const std::string& remark : report.remarks) {
        lines += "\n# " + printable(remark);
    }
    if (report.lacks_sandbox) {
        lines += "\n# sandbox: " + report.sandbox;
    }
    return lines + "\n";
}

}  // namespace

std::string tap_escaped(std::string_view text) {
    std::string result;
    for (const char c : printable(text)) {
        if (c == '#' || c == '\\') {
            result += '\\';
        }
        result += c;
    }
    return result;
}

void write_tap(const RunReport& report, const TextSink& sink) {
    sink("TAP version 13\n" + plan_lines(report));
    std::size_t number = 0;
    for (const TestResult& test : report.tests) {
        sink(tap_line(++number, test));
        if (test.verdict == Verdict::failed) {
            sink(diagnostics(test));
        }
    }
    if (const std::string shortcoming = report.shortcoming(); !shortcoming.empty()) {
        sink("Bail out! " + printable(shortcoming) + "\n");
    }
}

}  // namespace nestbed::vmm
