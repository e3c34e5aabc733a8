#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "vmm/base/text.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/human.hpp"

namespace nestbed::vmm {

namespace {

/// JUnit counts what could not be run apart from what failed.
struct Counts {
    Summary summary;
    std::uint64_t errors = 0;

    void add(const TestResult& test) {
        summary.add(test.verdict);
        errors += test.error ? 1 : 0;
    }
    void add(const Counts& other) {
        summary.add(other.summary);
        errors += other.errors;
    }
};

struct Suite {
    std::string name;
    Counts counts;
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

std::string error_element(std::string_view message, std::string_view type) {
    return fmt::format("      <error message=\"{}\" type=\"{}\"/>\n", xml_escaped(message), type);
}

std::string verdict_element(const TestResult& test) {
    switch (test.verdict) {
        case Verdict::passed:
            return "";
        case Verdict::skipped:
            return fmt::format("      <skipped message=\"{}\"/>\n", xml_escaped(test.reason));
        case Verdict::failed:
            if (test.error) {
                return error_element(test.error->what(), name_of(test.error->kind()));
            }
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

std::string attributes(const Counts& counts, double seconds) {
    const Summary& summary = counts.summary;
    return fmt::format(R"(tests="{}" failures="{}" errors="{}" skipped="{}" time="{:.6f}")",
                       summary.total(), summary.failed - counts.errors, counts.errors,
                       summary.skipped, seconds);
}

std::string suite_element(const Suite& suite) {
    return fmt::format("  <testsuite name=\"{}\" {}>\n{}  </testsuite>\n", xml_escaped(suite.name),
                       attributes(suite.counts, suite.seconds), suite.cases);
}

/// Stands for what is missing.
Suite shortcoming_suite(const RunReport& report) {
    Suite suite{"nestbed", {}, 0, {}};
    suite.counts.summary.add(Verdict::failed);
    suite.counts.errors = 1;
    suite.cases = "    <testcase classname=\"nestbed\" name=\"run\" time=\"0\">\n" +
                  error_element(report.shortcoming(),
                                report.error ? name_of(report.error->kind()) : "interrupted") +
                  "    </testcase>\n";
    return suite;
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
    std::vector<Suite> suites;
    for (const TestResult& test : report.tests) {
        Suite& suite = suite_named(suites, test.suite);
        suite.counts.add(test);
        suite.seconds += test.seconds;
        suite.cases += test_case(test);
    }
    if (!report.shortcoming().empty()) {
        suites.push_back(shortcoming_suite(report));
    }
    Counts all;
    std::string elements;
    for (const Suite& suite : suites) {
        all.add(suite.counts);
        elements += suite_element(suite);
    }
    return fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"nestbed\" {}>\n{}"
        "</testsuites>\n",
        attributes(all, report.seconds), elements);
}

}  // namespace nestbed::vmm
