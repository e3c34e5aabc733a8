// Two schemas are kept, where no test was run again (attempt_elements): that of Jenkins' xUnit
// plugin (junit-10.xsd), and that of Ant (windyroad's JUnit.xsd), which is the stricter one:
// `testsuites` has no attributes; a `testsuite` has properties, test cases, system-out and
// system-err, all of them and in this order; a `testcase` has one verdict at most and neither
// output, file nor line. So a test's place is in the text of its failure, and its log in its
// suite's output.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "vmm/base/text.hpp"
#include "vmm/render/blame.hpp"
#include "vmm/render/excerpt.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/human.hpp"

namespace nestbed::vmm {

namespace {

struct JunitSuite {
    std::string name;
    Summary summary = {};
    std::uint64_t errors = 0;  ///< of those that failed: JUnit counts what could not be run apart
    double seconds = 0;
};

JunitSuite& suite_named(std::vector<JunitSuite>& suites, const std::string& name) {
    const auto found = std::ranges::find(suites, name, &JunitSuite::name);
    return found == suites.end() ? suites.emplace_back(JunitSuite{name}) : *found;
}

std::string lines_text(const std::vector<std::string>& lines) {
    return lines.empty() ? "" : fmt::format("{}\n", fmt::join(lines, "\n"));
}

/// An expectation names its place; of a guest that died the test's is said.
std::string failure_text(const TestResult& test, const Attempt& attempt) {
    const std::string failures = lines_text(failure_excerpt(attempt, "\n    "));
    return attempt.diagnosis.empty() && !attempt.failures.empty()
               ? failures
               : text_of(blame_of(test, attempt)) + "\n" + failures + attempt.diagnosis;
}

const char* failure_type(const Attempt& attempt) {
    return attempt.error               ? name_of(attempt.error->kind())
           : attempt.diagnosis.empty() ? "expectation"
                                       : "guest";
}

std::string fault_element(const char* name, std::string_view message, std::string_view type,
                          const std::string& text) {
    return fmt::format("      <{0} message=\"{1}\" type=\"{2}\">{3}</{0}>\n", name,
                       xml_escaped(message), type, xml_escaped(text));
}

/// What counts: of a test that failed again and again, how it failed first.
const Attempt& attempt_that_counts(const TestResult& test) {
    return test.has_failed_again() ? test.failed_attempts.front() : test;
}

std::string verdict_element(const TestResult& test) {
    const Attempt& attempt = attempt_that_counts(test);
    if (test.verdict == Verdict::passed) {
        return "";
    }
    if (test.verdict == Verdict::skipped) {
        return fmt::format("      <skipped message=\"{}\"/>\n", xml_escaped(attempt.reason));
    }
    return attempt.error ? fault_element("error", attempt.error->what(), failure_type(attempt),
                                         place_text(test.file, test.line) + "\n")
                         : fault_element("failure", attempt.reason, failure_type(attempt),
                                         failure_text(test, attempt));
}

/// One that failed as it was expected to has shown nothing new.
Verdict verdict_of(const SubResult& check) {
    return check.is_failure()                    ? Verdict::failed
           : check.kind == SubResult::Kind::pass ? Verdict::passed
                                                 : Verdict::skipped;
}

std::string check_element(const SubResult& check) {
    switch (verdict_of(check)) {
        case Verdict::passed:
            return "";
        case Verdict::skipped:
            return fmt::format("      <skipped message=\"{}\"/>\n", check.word());
        case Verdict::failed:
            break;
    }
    return fault_element("failure", check.text, check.word(), "");
}

std::string attempt_element(const std::string& tag, const TestResult& test,
                            const Attempt& attempt) {
    const std::string log = xml_escaped(lines_text(log_excerpt(attempt)));
    return fmt::format(
        "      <{0}{1} message=\"{2}\" type=\"{3}\">\n"
        "        <stackTrace>{4}</stackTrace>\n{5}"
        "      </{0}{1}>\n",
        tag, attempt.error ? "Error" : "Failure", xml_escaped(attempt.reason),
        failure_type(attempt), xml_escaped(failure_text(test, attempt)),
        log.empty() ? "" : fmt::format("        <system-out>{}</system-out>\n", log));
}

/// As Maven's surefire has them, and Jenkins' schema: the failures of a test that passed in the end
/// are flaky; of one that did not, those behind the first came of running it again. Ant's schema
/// has neither.
std::string attempt_elements(const TestResult& test) {
    std::string elements;
    if (test.is_flaky()) {
        for (const Attempt& attempt : test.failed_attempts) {
            elements += attempt_element("flaky", test, attempt);
        }
    } else if (test.has_failed_again()) {
        for (std::size_t n = 1; n < test.failed_attempts.size(); ++n) {
            elements += attempt_element("rerun", test, test.failed_attempts[n]);
        }
        elements += attempt_element("rerun", test, test);
    }
    return elements;
}

std::string test_case(const TestResult& test) {
    const std::string full_name = display_name(test);
    return fmt::format(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\">\n{}{}    </testcase>\n",
        xml_escaped(test.suite), xml_escaped(full_name.substr(printable(test.suite).size() + 1)),
        test.seconds, verdict_element(test), attempt_elements(test));
}

/// Below the test's name, since all of a suite stand in one.
std::string output_of(const TestResult& test) {
    return test.log.empty() ? ""
                            : xml_escaped(fmt::format("--- {}\n{}", display_name(test),
                                                      lines_text(log_excerpt(test))));
}

std::string properties_element(const RunReport& report) {
    std::vector<std::pair<const char*, std::string>> properties{
        {"nestbed", NESTBED_VERSION}, {"command", fmt::to_string(fmt::join(report.command, " "))}};
    if (const auto& revision = report.provenance.revision) {
        properties.emplace_back("revision", *revision);
    }
    if (const auto& kernel = report.provenance.kernel_version) {
        properties.emplace_back("kernel", *kernel);
    }
    if (!report.sandbox.empty()) {
        properties.emplace_back("sandbox", report.sandbox);
    }
    std::string text = "    <properties>\n";
    for (const auto& [name, value] : properties) {
        text +=
            fmt::format("      <property name=\"{}\" value=\"{}\"/>\n", name, xml_escaped(value));
    }
    return text + "    </properties>\n";
}

/// The schema of Ant has no zones.
std::string timestamp_of(const RunReport& report) {
    std::string time = report.provenance.time;
    if (time.ends_with('Z')) {
        time.pop_back();
    }
    return time.empty() ? "1970-01-01T00:00:00" : time;
}

/// Up to its test cases.
std::string suite_begin(const RunReport& report, const JunitSuite& suite, std::size_t id) {
    const Summary& summary = suite.summary;
    const std::string name = xml_escaped(suite.name);
    return fmt::format(
        "  <testsuite name=\"{}\" package=\"{}\" id=\"{}\" timestamp=\"{}\" hostname=\"{}\" "
        "tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\">\n{}",
        name, name, id, timestamp_of(report),
        xml_escaped(report.provenance.host_name.value_or("localhost")), summary.total(),
        summary.failed - suite.errors, suite.errors, summary.skipped, suite.seconds,
        properties_element(report));
}

constexpr char output_begin[] = "    <system-out>";
constexpr char suite_end[] = "</system-out>\n    <system-err></system-err>\n  </testsuite>\n";

/// All of a suite's test cases, and below them all of their output.
void write_suite(const RunReport& report, const JunitSuite& suite, std::size_t id,
                 const TextSink& sink) {
    const auto write_each = [&](auto element_of) {
        for (const TestResult& test : report.tests) {
            if (test.suite == suite.name) {
                sink(element_of(test));
            }
        }
    };
    sink(suite_begin(report, suite, id));
    write_each(test_case);
    sink(output_begin);
    write_each(output_of);
    sink(suite_end);
}

/// The checks inside a guest that is not ours, as a suite of the test's name.
void write_checks(const RunReport& report, const TestResult& test, std::size_t id,
                  const TextSink& sink) {
    const std::string name = display_name(test);
    JunitSuite suite{.name = name};
    for (const SubResult& check : test.sub_results.all) {
        suite.summary.add(verdict_of(check));
    }
    sink(suite_begin(report, suite, id));
    for (const SubResult& check : test.sub_results.all) {
        sink(fmt::format(
            "    <testcase classname=\"{}\" name=\"{}\" time=\"0.000\">\n{}    </testcase>\n",
            xml_escaped(name), xml_escaped(check.text), check_element(check)));
    }
    sink(output_begin);
    if (test.sub_results.left_out != 0) {
        sink(xml_escaped(gap_text(test.sub_results.left_out, "check")));
    }
    sink(suite_end);
}

/// Stands for what is missing.
void write_shortcoming(const RunReport& report, std::size_t id, const TextSink& sink) {
    sink(suite_begin(report, {.name = "nestbed", .summary = {.failed = 1}, .errors = 1}, id));
    sink("    <testcase classname=\"nestbed\" name=\"run\" time=\"0.000\">\n");
    sink(fault_element(
        "error", report.shortcoming(),
        report.error ? name_of(report.error->kind()) : name_of(report.cut_short.value()), ""));
    sink("    </testcase>\n");
    sink(output_begin);
    sink(suite_end);
}

}  // namespace

std::string xml_escaped(std::string_view text) {
    // White space as well, since an attribute's becomes plain spaces.
    static constexpr std::string_view special = "&<>\"\t\n\r";
    static constexpr std::array<const char*, special.size()> references{
        "&amp;", "&lt;", "&gt;", "&quot;", "&#9;", "&#10;", "&#13;"};
    std::string result;
    for (const char c : printable_but(text, "\t\n\r")) {
        const std::size_t at = special.find(c);
        result += at == special.npos ? std::string(1, c) : references[at];
    }
    return result;
}

void write_junit(const RunReport& report, const TextSink& sink) {
    std::vector<JunitSuite> suites;
    for (const TestResult& test : report.tests) {
        JunitSuite& suite = suite_named(suites, test.suite);
        suite.summary.add(test.verdict);
        suite.errors += attempt_that_counts(test).error ? 1 : 0;
        suite.seconds += test.seconds;
    }
    sink("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (std::size_t id = 0; id < suites.size(); ++id) {
        write_suite(report, suites[id], id, sink);
    }
    std::size_t id = suites.size();
    for (const TestResult& test : report.tests) {
        if (!test.sub_results.all.empty()) {
            write_checks(report, test, id++, sink);
        }
    }
    if (!report.shortcoming().empty()) {
        write_shortcoming(report, id, sink);
    }
    sink("</testsuites>\n");
}

}  // namespace nestbed::vmm
