#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vmm/base/text.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/human.hpp"

namespace nestbed::vmm {

namespace {

/// A suite, or the whole run.
struct Group {
    std::string name;
    Summary summary = {};
    std::uint64_t errors = 0;  ///< of those that failed: JUnit counts what could not be run apart
    double seconds = 0;
    std::string elements = {};
};

Group& suite_named(std::vector<Group>& suites, const std::string& name) {
    const auto found = std::ranges::find(suites, name, &Group::name);
    return found == suites.end() ? suites.emplace_back(Group{name}) : *found;
}

std::string failure_text(const TestResult& test) {
    std::string text;
    for (const FailedExpectation& failure : test.failures) {
        text += fmt::format("{}:{}: expected {}\n    {}\n", failure.file, failure.line,
                            failure.expression, failure.values);
    }
    return text + test.diagnosis;
}

std::string error_element(std::string_view message, std::string_view type) {
    return fmt::format("      <error message=\"{}\" type=\"{}\"/>\n", xml_escaped(message), type);
}

std::string verdict_element(const TestResult& test) {
    if (test.verdict == Verdict::passed) {
        return "";
    }
    if (test.verdict == Verdict::skipped) {
        return fmt::format("      <skipped message=\"{}\"/>\n", xml_escaped(test.reason));
    }
    if (test.error) {
        return error_element(test.error->what(), name_of(test.error->kind()));
    }
    return fmt::format("      <failure message=\"{}\" type=\"{}\">{}</failure>\n",
                       xml_escaped(test.reason), test.diagnosis.empty() ? "expectation" : "guest",
                       xml_escaped(failure_text(test)));
}

FailedAttempt last_attempt_of(const TestResult& test) {
    return {test.reason, test.error, test.seconds, test.failures, test.log, test.diagnosis};
}

/// What a test has shown first; of one that passed in the end, that.
TestResult first_shown(const TestResult& test) {
    TestResult first = test;
    if (test.verdict == Verdict::failed && !test.failed_attempts.empty()) {
        const FailedAttempt& attempt = test.failed_attempts.front();
        first.reason = attempt.reason;
        first.error = attempt.error;
        first.failures = attempt.failures;
        first.diagnosis = attempt.diagnosis;
    }
    return first;
}

std::string attempt_element(const std::string& tag, const FailedAttempt& attempt) {
    TestResult shown;
    shown.failures = attempt.failures;
    shown.diagnosis = attempt.diagnosis;
    const std::string log = fmt::format("{}\n", fmt::join(attempt.log, "\n"));
    return fmt::format(
        "      <{0}{1} message=\"{2}\" type=\"{3}\">\n"
        "        <stackTrace>{4}</stackTrace>\n{5}"
        "      </{0}{1}>\n",
        tag, attempt.error ? "Error" : "Failure", xml_escaped(attempt.reason),
        attempt.error               ? name_of(attempt.error->kind())
        : attempt.diagnosis.empty() ? "expectation"
                                    : "guest",
        xml_escaped(failure_text(shown)),
        attempt.log.empty()
            ? ""
            : fmt::format("        <system-out>{}</system-out>\n", xml_escaped(log)));
}

/// As Maven's surefire has them: the failures of a test that passed in the end are flaky; of one
/// that did not, those behind the first came of running it again.
std::string attempt_elements(const TestResult& test) {
    std::string elements;
    if (test.is_flaky()) {
        for (const FailedAttempt& attempt : test.failed_attempts) {
            elements += attempt_element("flaky", attempt);
        }
    } else if (!test.failed_attempts.empty()) {
        for (std::size_t n = 1; n < test.failed_attempts.size(); ++n) {
            elements += attempt_element("rerun", test.failed_attempts[n]);
        }
        elements += attempt_element("rerun", last_attempt_of(test));
    }
    return elements;
}

std::string log_element(const TestResult& test) {
    const std::string text = fmt::format("{}\n", fmt::join(test.log, "\n"));
    return test.log.empty() ? ""
                            : fmt::format("      <system-out>{}</system-out>\n", xml_escaped(text));
}

std::string test_case(const TestResult& test) {
    const std::string full_name = display_name(test);
    return fmt::format(
        "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.6f}\">\n"
        "{}{}{}    </testcase>\n",
        xml_escaped(test.suite), xml_escaped(full_name.substr(printable(test.suite).size() + 1)),
        xml_escaped(test.file), test.line, test.seconds, verdict_element(first_shown(test)),
        attempt_elements(test), log_element(test));
}

std::string group_element(const char* indent, const char* tag, const Group& group) {
    const Summary& summary = group.summary;
    return fmt::format(
        "{0}<{1} name=\"{2}\" tests=\"{3}\" failures=\"{4}\" errors=\"{5}\" skipped=\"{6}\" "
        "time=\"{7:.6f}\">\n{8}{0}</{1}>\n",
        indent, tag, xml_escaped(group.name), summary.total(), summary.failed - group.errors,
        group.errors, summary.skipped, group.seconds, group.elements);
}

/// Stands for what is missing.
Group shortcoming_suite(const RunReport& report) {
    return {.name = "nestbed",
            .summary = {.failed = 1},
            .errors = 1,
            .elements =
                "    <testcase classname=\"nestbed\" name=\"run\" time=\"0\">\n" +
                error_element(report.shortcoming(), report.error ? name_of(report.error->kind())
                                                    : report.cut_short ? name_of(*report.cut_short)
                                                                       : "interrupted") +
                "    </testcase>\n"};
}

}  // namespace

std::string xml_escaped(std::string_view text) {
    // White space as well, since an attribute's becomes plain spaces.
    static constexpr std::string_view special = "&<>\"\t\n\r";
    static constexpr std::array<const char*, special.size()> references{
        "&amp;", "&lt;", "&gt;", "&quot;", "&#9;", "&#10;", "&#13;"};
    std::string result;
    for (const char c : valid_utf8(text)) {
        if (const std::size_t at = special.find(c); at != std::string_view::npos) {
            result += references[at];
        } else if (static_cast<unsigned char>(c) < 0x20) {
            result += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
            result += c;
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
    std::vector<Group> suites;
    for (const TestResult& test : report.tests) {
        Group& suite = suite_named(suites, test.suite);
        suite.summary.add(test.verdict);
        suite.errors += first_shown(test).error ? 1 : 0;
        suite.seconds += test.seconds;
        suite.elements += test_case(test);
    }
    if (!report.shortcoming().empty()) {
        suites.push_back(shortcoming_suite(report));
    }
    Group all{.name = "nestbed", .seconds = report.seconds};
    for (const Group& suite : suites) {
        all.summary.add(suite.summary);
        all.errors += suite.errors;
        all.elements += group_element("  ", "testsuite", suite);
    }
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n" + group_element("", "testsuites", all);
}

}  // namespace nestbed::vmm
