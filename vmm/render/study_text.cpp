#include "vmm/render/study_text.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/text.hpp"
#include "vmm/render/human.hpp"

namespace nestbed::vmm {

namespace {

bool is_skipped_alike(const TestResult& one, const TestResult& other) {
    return one.verdict == Verdict::skipped && other.verdict == Verdict::skipped &&
           one.reason == other.reason;
}

std::vector<const StudyRun*> not_passed(const StudyRuns& runs) {
    std::vector<const StudyRun*> left;
    for (const StudyRun& run : runs) {
        if (run.test.verdict != Verdict::passed) {
            left.push_back(&run);
        }
    }
    return left;
}

std::string explanations(const std::vector<const StudyRun*>& runs) {
    std::string text;
    for (auto first = runs.begin(); first != runs.end();) {
        const auto end = std::find_if(first + 1, runs.end(), [&](const StudyRun* run) {
            return !is_skipped_alike((*first)->test, run->test);
        });
        const auto more = end - first - 1;
        text += without_row(
            (*first)->point.text() + (more == 0 ? "" : fmt::format(", and {} more", more)),
            (*first)->test);
        first = end;
    }
    return text;
}

std::string no_counts(const Study& study, const StudyRuns& runs) {
    const std::vector<const StudyRun*> rows = runs_with_rows(study, runs);
    const std::string problem = rows.empty() ? "" : rows.front()->test.kvm_counts.problem;
    return problem.empty() ? "" : fmt::format("no counts of KVM's: {}\n", problem);
}

}  // namespace

std::string study_text(const Study& study, const StudyRuns& runs) {
    std::vector<std::string> parts;
    for (const Table& table : tables_of(study, runs)) {
        parts.push_back(table.text());
    }
    parts.push_back(no_counts(study, runs));
    if (study.notes && !runs_with_rows(study, runs).empty()) {
        parts.push_back(study.notes(runs));
    }
    parts.push_back(explanations(not_passed(runs)));
    if (study.shows_bars) {
        parts.push_back(bars_text(study, runs));
    }
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
