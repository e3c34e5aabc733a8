#include "vmm/render/github.hpp"

#include <fmt/format.h>

#include "vmm/base/text.hpp"
#include "vmm/render/blame.hpp"
#include "vmm/render/human.hpp"

namespace nestbed::vmm {

namespace {

/// GitHub shows ten of a step.
constexpr std::size_t most_annotations = 50;

/// `special` characters as the percentages that the runner reads them back from.
std::string with_percentages(std::string_view text, std::string_view special) {
    std::string result;
    for (const char c : printable_but(text, "\r\n")) {
        result += special.find(c) == special.npos
                      ? std::string(1, c)
                      : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return result;
}

std::string annotation_of(const TestResult& test) {
    const Blame blame =
        test.is_flaky() ? Blame{test.file, test.line, flaky_text(test)} : blame_of(test);
    return fmt::format("::{} file={},line={},title={}::{}\n", test.is_flaky() ? "warning" : "error",
                       workflow_property(blame.file), blame.line,
                       workflow_property(display_name(test)),
                       workflow_message(printable(blame.why)));
}

}  // namespace

std::string workflow_message(std::string_view text) { return with_percentages(text, "%\r\n"); }

std::string workflow_property(std::string_view text) { return with_percentages(text, "%\r\n:,"); }

std::string github_annotations(const RunReport& report) {
    std::string text;
    std::size_t count = 0;
    for (const TestResult& test : report.tests) {
        const bool has_one = test.verdict == Verdict::failed || test.is_flaky();
        if (has_one && ++count <= most_annotations) {
            text += annotation_of(test);
        }
    }
    if (count > most_annotations) {
        text += fmt::format("::error title=nestbed::{} failed or were flaky\n",
                            counted(count - most_annotations, "other test"));
    }
    if (const std::string shortcoming = report.shortcoming(); !shortcoming.empty()) {
        text += "::error title=nestbed::" + workflow_message(printable(shortcoming)) + "\n";
    }
    if (report.has_only_skips()) {
        text += "::error title=nestbed::every test was skipped\n";
    }
    return text;
}

}  // namespace nestbed::vmm
