// Whatever guests, files, paths and the environment say: no report has a character that a terminal
// would obey, or that turns the order of those around it.

#include <gmock/gmock.h>

#include <array>

#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"
#include "vmm/base/text.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/github.hpp"
#include "vmm/render/human.hpp"
#include "vmm/render/matrix.hpp"

namespace nestbed::vmm {
namespace {

constexpr std::array nasty_texts{
    "\x1b[2J\x1b]0;title\x07",  // what clears the screen and renames the window
    "\xC2\x9B"
    "2J",                         // the same by C1
    "a\rb\x08\x7F",               // over what was there
    "\u202Eexe.cod\u202C",        // from right to left
    "\u2066x\u2069\u200F\u061C",  // isolates and marks
    "\u2028\u2029\uFEFF",         // line ends of Unicode's
    "\xFF\xFE\xC3",               // no UTF-8
};

TestResult nasty(TestResult test, const std::string& text) {
    test.suite = text;
    test.name += text;
    test.file = text;
    test.reason = text;
    test.point = printable(text);  // as studies have it
    test.log = {text};
    test.failures = {{text, 1, text, text}};
    test.diagnosis = printable(text) + "\n";
    test.error.emplace(ErrorKind::io, text);
    test.failed_attempts.emplace_back().reason = text;
    return test;
}

RunReport nasty_report(const std::string& text) {
    RunReport report;
    report.command = {text};
    report.guests = {text};
    report.tests = {nasty(test::failed("s", "a"), text), nasty(test::skipped("s", "b", text), text),
                    nasty(test::flaky("s", "c"), text)};
    report.error.emplace(ErrorKind::io, text);
    report.remarks = {text};
    report.provenance.host_name = text;
    return report;
}

/// By a list of its own: what printable() forgets is found here.
void expect_harmless(const std::string& report, std::string_view what, std::string_view text) {
    EXPECT_EQ(report, valid_utf8(report)) << what << " of " << printable(text);
    for (const std::string_view evil :
         {"\x1b", "\x07", "\x08", "\r", "\x7F", "\xC2\x9B", "\u202E", "\u202C", "\u2066", "\u2069",
          "\u200F", "\u061C", "\u2028", "\u2029", "\uFEFF"}) {
        EXPECT_EQ(report.find(evil), report.npos) << what << " has " << printable(evil);
    }
}

TEST(NastyText, IsInNoReport) {
    for (const std::string text : nasty_texts) {
        const RunReport report = nasty_report(text);
        expect_harmless(human_report(report, {}), "human", text);
        expect_harmless(tap_report(report), "tap", text);
        expect_harmless(junit_report(report), "junit", text);
        expect_harmless(csv_report(report), "csv", text);
        expect_harmless(json_report(report), "json", text);
        expect_harmless(github_annotations(report), "github", text);
    }
}

TEST(NastyText, IsInNoMatrix) {
    for (const std::string text : nasty_texts) {
        ResultFile file;
        file.environment = text;
        file.host.cpu = file.host.kernel = file.host.paging = text;
        for (const TestResult& test : nasty_report(text).tests) {
            file.tests.push_back(test);
        }
        expect_harmless(matrix_text({&file, 1}), "matrix", text);
    }
}

}  // namespace
}  // namespace nestbed::vmm
