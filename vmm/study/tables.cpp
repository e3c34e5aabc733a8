#include "vmm/study/tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "vmm/result/measurement_table.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

using RowsOf = std::vector<const StudyRun*>;

std::vector<Table::Column> derived_columns(const Study& study) {
    std::vector<Table::Column> columns;
    for (const Derived& derived : study.derived) {
        columns.push_back({derived.title,
                           derived.is_text ? Table::Align::left : Table::Align::right,
                           derived.group});
    }
    return columns;
}

std::vector<std::string> leading_cells(const Study& study, const StudyRun& run,
                                       const AxisColumns& axes, const StudyRuns& all) {
    std::vector<std::string> cells = axes.cells(run.point);
    for (const Derived& derived : study.derived) {
        cells.push_back(derived.cell(run, all));
    }
    return cells;
}

Table main_table(const Study& study, const RowsOf& rows, const StudyRuns& all) {
    const AxisColumns axes(rows);
    std::vector<Table::Column> columns = axes.columns();
    std::ranges::copy(derived_columns(study), std::back_inserter(columns));
    if (!study.shows_distributions) {
        Table table(columns);
        for (const StudyRun* run : rows) {
            table.add_row(leading_cells(study, *run, axes, all));
        }
        return table.without_empty_columns(axes.columns().size());
    }
    std::vector<MeasurementRow> distributions;
    for (const StudyRun* run : rows) {
        for (const Measured& measured : study.measured) {
            const MeasurementEvent* found = measurement_named(run->test, measured.name);
            if (found == nullptr) {
                continue;
            }
            std::vector<std::string> cells{measured.label};
            if (measured.label.empty()) {
                cells = leading_cells(study, *run, axes, all);
            }
            cells.resize(columns.size());
            distributions.push_back(
                {std::move(cells), distribution_of(found->histogram), run->test.tsc_khz});
        }
    }
    return measurement_table(columns, "cycles", distributions)
        .without_empty_columns(axes.columns().size());
}

/// As KVM names them (arch/x86/kvm/x86.c, virt/kvm/kvm_main.c), in the order of a shootdown: exits
/// and their kinds, interrupts, emulation, invalidations, page faults after them.
constexpr std::array shown_counters{
    "exits",
    "io_exits",
    "mmio_exits",
    "irq_exits",
    "halt_exits",
    "hypercalls",
    "irq_injections",
    "nmi_injections",
    "insn_emulation",
    "invlpg",
    "tlb_flush",
    "remote_tlb_flush",
    "mmu_pte_write",
    "pf_taken",
    "pf_fixed",
    "pf_emulate",
    "preemption_reported",
    "preemption_other",
};

double count_of(const KvmCounts& counts, std::string_view name) {
    const auto found = std::ranges::find(counts.counts, name, &KvmCount::name);
    return found == counts.counts.end() ? 0 : found->per_operation;
}

/// Of the counters that say something and moved in some row; JSON has all of them.
std::optional<Table> counts_table(const Study& study, const RowsOf& rows) {
    // Whether its first digits behind the point show anything.
    constexpr double shows = 0.005;
    const AxisColumns axes(rows);
    std::vector<Table::Column> columns = axes.columns();
    std::vector<const char*> names;
    for (const char* name : shown_counters) {
        if (std::ranges::any_of(rows, [&](const StudyRun* run) {
                return std::abs(count_of(run->test.kvm_counts, name)) >= shows;
            })) {
            names.push_back(name);
            columns.push_back({name, Table::Align::right, "KVM's counts per " + study.operation});
        }
    }
    if (names.empty()) {
        return std::nullopt;
    }
    Table table(columns);
    for (const StudyRun* run : rows) {
        std::vector<std::string> cells = axes.cells(run->point);
        for (const char* name : names) {
            cells.push_back(fmt::format("{:.2f}", count_of(run->test.kvm_counts, name)));
        }
        table.add_row(cells);
    }
    return table;
}

}  // namespace

AxisColumns::AxisColumns(const RowsOf& runs) : axes_(runs.front()->point.axes()) {
    for (std::size_t n = 0; n < axes_.size(); ++n) {
        const bool differs = std::ranges::any_of(runs, [&](const StudyRun* run) {
            return !axes_[n].is_default(run->point.values()[n]);
        });
        if (axes_[n].is(Axis::shown) || (axes_[n].is(Axis::list) && differs)) {
            shown_.push_back(n);
        }
    }
}

std::vector<Table::Column> AxisColumns::columns() const {
    std::vector<Table::Column> result;
    for (const std::size_t n : shown_) {
        const bool is_word = axes_[n].kind == Axis::Kind::name;
        result.push_back({axes_[n].title, is_word ? Table::Align::left : Table::Align::right});
    }
    return result;
}

std::vector<std::string> AxisColumns::cells(const Point& point) const {
    std::vector<std::string> result;
    for (const std::size_t n : shown_) {
        result.push_back(axes_[n].show(point.values()[n]));
    }
    return result;
}

std::optional<double> ratio_of_medians(const TestResult& test, std::string_view measured,
                                       std::string_view floor) {
    const MeasurementEvent* above = measurement_named(test, measured);
    const MeasurementEvent* below = measurement_named(test, floor);
    if (above == nullptr || below == nullptr) {
        return std::nullopt;
    }
    const double median = fine_median_of(below->histogram);
    return median == 0 ? std::nullopt : std::optional(fine_median_of(above->histogram) / median);
}

std::vector<const StudyRun*> runs_with_rows(const Study& study, const StudyRuns& runs) {
    RowsOf rows;
    for (const StudyRun& run : runs) {
        const bool shown = run.test.verdict == Verdict::passed || study.shows_failed;
        if (shown && measurement_named(run.test, study.measured.front().name) != nullptr) {
            rows.push_back(&run);
        }
    }
    return rows;
}

std::vector<Table> tables_of(const Study& study, const StudyRuns& runs) {
    std::vector<Table> tables;
    const RowsOf rows = runs_with_rows(study, runs);
    if (rows.empty()) {
        return tables;
    }
    if (study.shows_distributions || !study.derived.empty()) {
        tables.push_back(main_table(study, rows, runs));
    }
    if (study.more_tables) {
        std::ranges::move(study.more_tables(runs), std::back_inserter(tables));
    }
    if (!study.operation.empty()) {
        if (auto counts = counts_table(study, rows)) {
            tables.push_back(std::move(*counts));
        }
    }
    return tables;
}

}  // namespace nestbed::vmm
