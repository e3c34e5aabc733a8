#include "vmm/render/study_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "vmm/base/text.hpp"
#include "vmm/render/human.hpp"
#include "vmm/result/warnings.hpp"

namespace nestbed::vmm {

namespace {

std::string explanations(const StudyRuns& runs, std::size_t width) {
    std::vector<const StudyRun*> left;
    for (const StudyRun& run : runs) {
        if (run.test.verdict != Verdict::passed) {
            left.push_back(&run);
        }
    }
    std::string text;
    for (auto first = left.begin(); first != left.end();) {
        const TestResult& test = (*first)->test;
        const auto end = std::find_if(std::next(first), left.end(), [&](const StudyRun* run) {
            return test.verdict != Verdict::skipped || run->test.verdict != Verdict::skipped ||
                   run->test.reason != test.reason;
        });
        const auto more = std::distance(first, end) - 1;
        const std::string reason = without_row(
            (*first)->point.text() + (more == 0 ? "" : fmt::format(", and {} more", more)), test);
        // What stands below a failure has its own lines.
        text += test.verdict == Verdict::skipped ? paragraphs(reason, width) : reason;
        first = end;
    }
    return text;
}

/// Above the table: what the marks beside its rows mean.
std::string warnings_text(const Study& study, const StudyRuns& runs) {
    std::map<Warning::Kind, std::size_t> rows;
    for (const StudyRun* run : runs_with_rows(study, runs)) {
        for (const Warning& warning : warnings_shown(study, *run)) {
            ++rows[warning.kind];
        }
    }
    std::string text;
    for (const auto& [kind, count] : rows) {
        std::string name = name_of(kind);
        std::ranges::replace(name, '_', ' ');
        text += fmt::format("! {} ({}): {}\n", name, counted(count, "row"), explanation_of(kind));
    }
    return text;
}

/// To the second, the minute or the hour: an estimate has no more digits.
std::string roughly(double seconds) {
    constexpr double minute = 60;
    constexpr double hour = 60 * minute;
    if (seconds < 2 * minute) {
        return fmt::format("{:.0f} s", seconds);
    }
    return seconds < 2 * hour ? fmt::format("{:.0f} min", seconds / minute)
                              : fmt::format("{:.0f} h", seconds / hour);
}

}  // namespace

std::string progress_text(std::size_t done, std::size_t total, double seconds,
                          std::string_view step) {
    std::string times = roughly(seconds);
    if (done != 0) {
        const double each = seconds / static_cast<double>(done);
        times += fmt::format(", about {} left", roughly(each * static_cast<double>(total - done)));
    }
    return fmt::format("[{}/{}] {}: {}", done + 1, total, times, step);
}

std::string study_text(const Study& study, const StudyRuns& runs, std::size_t width) {
    std::vector<std::string> parts{paragraphs(warnings_text(study, runs), width)};
    for (const Table& table : tables_of(study, runs)) {
        parts.push_back(table.text(0, width));
    }
    if (const auto rows = runs_with_rows(study, runs); !rows.empty()) {
        const std::string& problem = rows.front()->test.kvm_counts.problem;
        parts.push_back(
            problem.empty() ? "" : fmt::format("no counts of KVM's: {}\n", printable(problem)));
        parts.push_back(paragraphs(study.notes ? study.notes(runs) : "", width));
    }
    parts.push_back(explanations(runs, width));
    parts.push_back(study.shows_bars ? bars_text(study, runs) : "");
    std::erase(parts, "");
    return fmt::format("{}", fmt::join(parts, "\n"));
}

std::string bars_text(const Study& study, const StudyRuns& runs) {
    std::string text;
    for (const StudyRun* run : runs_with_rows(study, runs)) {
        for (const Derived& derived : study.derived) {
            const auto limit = derived.limit ? derived.limit(run->point) : std::nullopt;
            const auto number = derived.number(*run, runs);
            if (limit && number && run->test.verdict == Verdict::passed) {
                text += fmt::format("{}: {} is {:.2f}, of {:.2f} allowed: {}\n", run->point.text(),
                                    derived.title, *number, *limit,
                                    *number <= *limit ? "good" : "TOO MUCH");
            }
        }
    }
    return text;
}

}  // namespace nestbed::vmm
