// What a study found, as tables: made from its description.
#include "vmm/study/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "vmm/base/text.hpp"
#include "vmm/result/measurement_table.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

using RowsOf = std::vector<const StudyRun*>;

/// The leading columns that tell the points of rows apart: the axes that always are shown, and
/// others of which some row is not at the default.
std::vector<const Axis*> shown_axes(const RowsOf& rows) {
    std::vector<const Axis*> shown;
    for (const AxisValue& one : rows.front()->point.values()) {
        const Axis& axis = *one.axis;
        const bool differs = std::ranges::any_of(
            rows, [&](const StudyRun* run) { return !axis.is_default(run->point[axis.name]); });
        if (axis.is(Axis::shown) || (axis.is(Axis::list) && differs)) {
            shown.push_back(&axis);
        }
    }
    return shown;
}

std::vector<Table::Column> columns_of(const std::vector<const Axis*>& axes) {
    std::vector<Table::Column> columns;
    for (const Axis* axis : axes) {
        const bool is_word = axis->kind == Axis::Kind::name;
        columns.push_back({axis->heading(), is_word ? Table::Align::left : Table::Align::right});
    }
    return columns;
}

std::vector<std::string> cells_of(const std::vector<const Axis*>& axes, const Point& point) {
    std::vector<std::string> cells;
    for (const Axis* axis : axes) {
        cells.push_back(axis->show(point[axis->name]));
    }
    return cells;
}

/// Words to the left, numbers to the right.
Table::Column column_of(const Derived& derived, const RowsOf& rows, const StudyRuns& all) {
    const bool has_words = std::ranges::any_of(rows, [&](const StudyRun* run) {
        const Derived::Value value = derived.value(*run, all);
        return value && std::holds_alternative<std::string>(*value);
    });
    return {derived.title, has_words ? Table::Align::left : Table::Align::right, derived.group};
}

Table main_table(const Study& study, const RowsOf& rows, const StudyRuns& all) {
    const std::vector<const Axis*> axes = shown_axes(rows);
    std::vector<Table::Column> columns = columns_of(axes);
    for (const Derived& derived : study.derived) {
        columns.push_back(column_of(derived, rows, all));
    }
    Table without_distributions(columns);
    std::vector<MeasurementRow> distributions;
    for (const StudyRun* run : rows) {
        std::vector<std::string> cells = cells_of(axes, run->point);
        for (const Derived& derived : study.derived) {
            cells.push_back(derived.cell(*run, all));
        }
        without_distributions.add_row(cells);
        for (const Measured& measured : study.measured) {
            if (const auto* found = measurement_named(run->test, measured.name)) {
                distributions.push_back(
                    {measured.label.empty() ? cells : std::vector{measured.label},
                     distribution_of(found->histogram), run->test.tsc_khz});
                distributions.back().leading.resize(columns.size());
            }
        }
    }
    const Table table = study.shows_distributions
                            ? measurement_table(columns, "cycles", distributions)
                            : without_distributions;
    return table.without_empty_columns(axes.size());
}

/// Of the measurements that are parts of those in the rows, where the guest made them.
Table parts_table(const Study& study, const RowsOf& rows) {
    const std::vector<const Axis*> axes = shown_axes(rows);
    std::vector<MeasurementRow> parts;
    for (const StudyRun* run : rows) {
        for (const MeasurementEvent& event : run->test.measurements) {
            if (event.name.starts_with(study.parts + " ")) {
                std::vector<std::string> cells = cells_of(axes, run->point);
                cells.push_back(printable(event.name.substr(study.parts.size() + 1)));
                parts.push_back(
                    {std::move(cells), distribution_of(event.histogram), run->test.tsc_khz});
            }
        }
    }
    std::vector<Table::Column> columns = columns_of(axes);
    columns.push_back({study.parts, Table::Align::left});
    return measurement_table(std::move(columns), "cycles", parts);
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
Table counts_table(const Study& study, const RowsOf& rows) {
    // Whether its first digits behind the point show anything.
    constexpr double shows = 0.005;
    const std::vector<const Axis*> axes = shown_axes(rows);
    std::vector<Table::Column> columns = columns_of(axes);
    std::vector<const char*> names;
    for (const char* name : shown_counters) {
        if (std::ranges::any_of(rows, [&](const StudyRun* run) {
                return std::abs(count_of(run->test.kvm_counts, name)) >= shows;
            })) {
            names.push_back(name);
            columns.push_back({name, Table::Align::right, "KVM's counts per " + study.operation});
        }
    }
    Table table(columns);
    if (names.empty()) {
        return table;
    }
    for (const StudyRun* run : rows) {
        std::vector<std::string> cells = cells_of(axes, run->point);
        for (const char* name : names) {
            cells.push_back(fmt::format("{:.2f}", count_of(run->test.kvm_counts, name)));
        }
        table.add_row(cells);
    }
    return table;
}

}  // namespace

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
    if (!study.parts.empty()) {
        tables.push_back(parts_table(study, rows));
    }
    if (study.more_tables) {
        std::ranges::move(study.more_tables(runs), std::back_inserter(tables));
    }
    tables.push_back(counts_table(study, rows));
    std::erase_if(tables, [](const Table& table) { return table.empty(); });
    return tables;
}

}  // namespace nestbed::vmm
