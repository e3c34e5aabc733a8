#include "vmm/render/junit.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/text.hpp"
#include "vmm/render/human.hpp"

namespace nestbed::vmm {

namespace {

struct Suite {
    std::string name;
    Summary summary;
    double seconds = 0;
    std::string cases;
};

Suite& suite_named(std::vector<Suite>& suites, const std::string& name) {
    const auto found = std::ranges::find(suites, name, &Suite::name);
    return found == suites.end() ? suites.emplace_back(Suite{name, {}, 0, {}}) : *found;
}

std::string failure_text(const TestResult& test) {
    std::string text;
    for (const FailedExpectation& failure : test.failures) {
        text += fmt::format("{}:{}: expected {}\n    {}\n", failure.file, failure.line,
                            failure.expression, failure.values);
    }
    return text + test.diagnosis;
}

std::string verdict_element(const TestResult& test) {
    switch (test.verdict) {
        case Verdict::passed:
            return "";
        case Verdict::skipped:
            return fmt::format("      <skipped message=\"{}\"/>\n", xml_escaped(test.reason));
        case Verdict::failed:
            return fmt::format("      <failure message=\"{}\" type=\"{}\">{}</failure>\n",
                               xml_escaped(test.reason),
                               test.diagnosis.empty() ? "expectation" : "guest",
                               xml_escaped(failure_text(test)));
    }
    return "";
}

std::string log_element(const TestResult& test) {
    if (test.log.empty()) {
        return "";
    }
    std::string text;
    for (const std::string& line : test.log) {
        text += line + "\n";
    }
    return fmt::format("      <system-out>{}</system-out>\n", xml_escaped(text));
}

std::string test_case(const TestResult& test) {
    const std::string full_name = display_name(test);
    return fmt::format(
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.6f}\">\n"
        "{}{}    </testcase>\n",
        xml_escaped(test.suite), xml_escaped(full_name.substr(printable(test.suite).size() + 1)),
        xml_escaped(test.file), test.line, test.seconds, verdict_element(test), log_element(test));
}

std::string counts(const Summary& summary, std::uint64_t errors, double seconds) {
    return fmt::format(R"(tests="{}" failures="{}" errors="{}" skipped="{}" time="{:.6f}")",
                       summary.total() + errors, summary.failed, errors, summary.skipped, seconds);
}

std::string unfinished_suite(const RunReport& report) {
    return fmt::format(
        "  <testsuite name=\"nestbed\" {}>\n"
        "    <testcase classname=\"nestbed\" name=\"run\" time=\"0\">\n"
        "      <error message=\"{}: {} did not finish\"/>\n"
        "    </testcase>\n"
        "  </testsuite>\n",
        counts({}, 1, 0), report.interrupted ? "interrupted" : "stopped by an error",
        counted(report.not_finished, "test"));
}

}  // namespace

std::string xml_escaped(std::string_view text) {
    std::string result;
    for (const char c : valid_utf8(text)) {
        switch (c) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            // As references, since an attribute's raw white space becomes plain spaces.
            case '\t':
                result += "&#9;";
                break;
            case '\n':
                result += "&#10;";
                break;
            case '\r':
                result += "&#13;";
                break;
            default:
                result += static_cast<unsigned char>(c) < 0x20
                              ? fmt::format("\\x{:02x}", static_cast<unsigned char>(c))
                              : std::string(1, c);
                break;
        }
    }
    // U+FFFE and U+FFFF are well-formed UTF-8, but not XML.
    for (const std::string_view noncharacter : {"\xEF\xBF\xBE", "\xEF\xBF\xBF"}) {
        for (std::size_t at = 0; (at = result.find(noncharacter, at)) != std::string::npos;) {
            result.replace(at, noncharacter.size(), "\xEF\xBF\xBD");
        }
    }
    return result;
}

std::string junit_report(const RunReport& report) {
    std::vector<Suite> suites;
    for (const TestResult& test : report.tests) {
        Suite& suite = suite_named(suites, test.suite);
        suite.summary.add(test.verdict);
        suite.seconds += test.seconds;
        suite.cases += test_case(test);
    }
    const std::uint64_t errors = report.not_finished == 0 ? 0 : 1;
    std::string xml = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"nestbed\" {}>\n",
        counts(report.summary(), errors, report.seconds));
    for (const Suite& suite : suites) {
        xml +=
            fmt::format("  <testsuite name=\"{}\" {}>\n{}  </testsuite>\n", xml_escaped(suite.name),
                        counts(suite.summary, 0, suite.seconds), suite.cases);
    }
    if (errors != 0) {
        xml += unfinished_suite(report);
    }
    return xml + "</testsuites>\n";
}

}  // namespace nestbed::vmm
