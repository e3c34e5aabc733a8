#include "vmm/study/walk_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vmm/base/text.hpp"
#include "vmm/render/human.hpp"
#include "vmm/render/table.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

/// Farther from what the model says than this, a row is marked.
constexpr double off_by = 1.5;

std::string cycles(double value) { return fmt::format("{:.1f}", value); }

/// Whether measured and modelled are too far apart for the model to explain the row.
bool is_off(double ratio) { return ratio > off_by || ratio < 1 / off_by; }

std::vector<Table::Column> columns() {
    using enum Table::Align;
    return {{"guest leaf", left},
            {"backing", left},
            {"TLB entry", left},
            {"working set"},
            {"pattern", left},
            {"vCPUs"},
            {"guest", right, "cycles per access"},
            {"process", right, "cycles per access"},
            {"ratio", right, "cycles per access"},
            {"guest", right, "of it, translation"},
            {"process", right, "of it, translation"},
            {"guest", right, "references"},
            {"process", right, "references"},
            {"modelled"},
            {"/modelled"}};
}

struct Row {
    std::vector<std::string> cells;
    bool off = false;
};

Row row_of(const WalkResult& result, const WalkFigures& figures) {
    const WalkCombination& at = result.combination;
    const WalkFindings& found = *result.findings;
    const bool tells = tells_translation(at);
    Row row{{leaf_name(at.guest_leaf), std::string(backing_name(at.backing)), leaf_name(found.leaf),
             size_text(at.working_set), name_of(at.pattern), fmt::format("{}", at.cpus),
             cycles(figures.guest), cycles(figures.host),
             fmt::format("{:.2f}", figures.guest / figures.host),
             tells ? cycles(figures.guest_translation()) : "",
             tells ? cycles(figures.host_translation()) : "",
             fmt::format("{:.2f}", found.guest.references()),
             fmt::format("{:.2f}", found.host.references())}};
    if (const auto modelled = modelled_translation(result, figures)) {
        const double ratio = figures.guest_translation() / *modelled;
        row.off = is_off(ratio);
        row.cells.push_back(cycles(*modelled));
        row.cells.push_back(fmt::format("{:.2f}{}", ratio, row.off ? " !" : "  "));
    }
    return row;
}

std::string fits(const std::vector<WalkResult>& results) {
    Table table({{"guest leaf", Table::Align::left},
                 {"backing", Table::Align::left},
                 {"vCPUs"},
                 {"cycles per miss"},
                 {"reach, TLB entries"},
                 {"residual, cycles"},
                 {"points"}});
    for (const MissCurve& curve : miss_curves(results)) {
        table.add_row({leaf_name(curve.combination.guest_leaf),
                       std::string(backing_name(curve.combination.backing)),
                       fmt::format("{}", curve.combination.cpus), cycles(curve.fit.cycles_per_miss),
                       fmt::format("{:.0f}", curve.fit.reach), cycles(curve.fit.residual),
                       fmt::format("{}", curve.fit.points)});
    }
    return table.empty() ? "" : "\n" + table.text();
}

/// A line for each run of combinations that are skipped for the same reason; of a failure, all.
std::string rows_left_out(const std::vector<const WalkResult*>& results) {
    std::string text;
    for (auto first = results.begin(); first != results.end();) {
        const TestResult& test = (*first)->test;
        const auto end = std::find_if(first + 1, results.end(), [&](const WalkResult* result) {
            return test.verdict != Verdict::skipped || result->test.verdict != test.verdict ||
                   result->test.reason != test.reason;
        });
        const auto more = static_cast<std::uint64_t>(end - first - 1);
        text += without_row(
            (*first)->combination.text() + (more == 0 ? "" : fmt::format(", and {} more", more)),
            test);
        first = end;
    }
    return text;
}

}  // namespace

std::string walk_table(const std::vector<WalkResult>& results) {
    Table table(columns());
    std::vector<const WalkResult*> without;
    bool any_off = false;
    for (const WalkResult& result : results) {
        const auto figures = figures_of(result);
        if (!figures || !result.findings) {
            without.push_back(&result);
            continue;
        }
        Row row = row_of(result, *figures);
        any_off = any_off || row.off;
        table.add_row(std::move(row.cells));
    }
    std::string text = table.empty() ? "" : table.text() + fits(results);
    if (any_off) {
        text += fmt::format(
            "! more than {:.1f} times from what the model says: see docs/measuring-walks.md\n",
            off_by);
    }
    return text + rows_left_out(without);
}

}  // namespace nestbed::vmm
