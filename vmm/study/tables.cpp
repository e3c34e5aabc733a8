// What a study found, as tables: made from its description.
#include "vmm/study/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "vmm/base/text.hpp"
#include "vmm/result/measurement_table.hpp"

namespace nestbed::vmm {

namespace {

using RowsOf = std::vector<const StudyRun*>;

/// The left of a table: what tells the points of its rows apart, and what is derived of them.
struct Leading {
    std::vector<Table::Column> columns;
    std::vector<std::vector<std::string>> cells;  ///< of each row
};

/// Words to the left, numbers to the right. Of the axes those that always are shown, and others of
/// which some row is not at the default.
Leading leading_of(const RowsOf& rows, const std::vector<Derived>& columns, const StudyRuns& all) {
    Leading leading;
    leading.cells.resize(rows.size());
    for (const AxisValue& one : rows.front()->point.values) {
        const Axis& axis = *one.axis;
        const bool differs = std::ranges::any_of(
            rows, [&](const StudyRun* run) { return !axis.is_default(run->point[axis.name]); });
        if (!axis.is(Axis::shown) && !(axis.is(Axis::list) && differs)) {
            continue;
        }
        const bool is_word = axis.kind == Axis::Kind::name;
        leading.columns.push_back(
            {axis.heading(), is_word ? Table::Align::left : Table::Align::right});
        for (std::size_t n = 0; n < rows.size(); ++n) {
            leading.cells[n].push_back(rows[n]->point.at(axis.name).text());
        }
    }
    for (const Derived& one : columns) {
        leading.columns.push_back({one.title, Table::Align::right, one.group});
        for (std::size_t n = 0; n < rows.size(); ++n) {
            const Derived::Value value = one.value(*rows[n], all);
            std::string& cell = leading.cells[n].emplace_back();
            if (const auto* word = value ? std::get_if<std::string>(&*value) : nullptr) {
                leading.columns.back().align = Table::Align::left;
                cell = printable(*word);
            } else if (value) {
                cell = fmt::format("{:.{}f}", std::get<double>(*value), one.digits);
            }
        }
    }
    return leading;
}

Table main_table(const Study& study, const RowsOf& rows, const StudyRuns& all) {
    const Leading leading = leading_of(rows, study.derived, all);
    if (!study.shows_distributions) {
        return Table(leading.columns, leading.cells).without_empty_columns();
    }
    std::vector<MeasurementRow> distributions;
    for (std::size_t n = 0; n < rows.size(); ++n) {
        const TestResult& test = rows[n]->test;
        for (const Measured& measured : study.measured) {
            if (const auto* found = measurement_named(test, measured.name)) {
                distributions.push_back(
                    {measured.label.empty() ? leading.cells[n] : std::vector{measured.label},
                     distribution_of(found->histogram), test.tsc_khz});
            }
        }
    }
    return measurement_table(leading.columns, "cycles", distributions).without_empty_columns();
}

/// Of the measurements that are parts of those in the rows, where the guest made them.
Table parts_table(const Study& study, const RowsOf& rows) {
    Leading leading = leading_of(rows, {}, {});
    leading.columns.push_back({study.parts, Table::Align::left});
    std::vector<MeasurementRow> parts;
    for (std::size_t n = 0; n < rows.size(); ++n) {
        for (const MeasurementEvent& event : rows[n]->test.measurements) {
            if (event.name.starts_with(study.parts + " ")) {
                parts.push_back(
                    {leading.cells[n], distribution_of(event.histogram), rows[n]->test.tsc_khz});
                parts.back().leading.push_back(
                    printable(event.name.substr(study.parts.size() + 1)));
            }
        }
    }
    return measurement_table(leading.columns, "cycles", parts);
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

/// Of the counters that say something and moved in some row; JSON has all of them.
Table counts_table(const Study& study, const RowsOf& rows) {
    // Whether its first digits behind the point show anything.
    constexpr double shows = 0.005;
    std::vector<Derived> columns;
    for (const char* name : shown_counters) {
        const auto count = [name](const StudyRun& run, const StudyRuns&) {
            const std::vector<KvmCount>& counts = run.test.kvm_counts.counts;
            const auto found = std::ranges::find(counts, name, &KvmCount::name);
            return found == counts.end() ? 0 : found->per_operation;
        };
        if (std::ranges::any_of(
                rows, [&](const StudyRun* run) { return std::abs(count(*run, {})) >= shows; })) {
            columns.push_back(
                {.title = name, .value = count, .group = "KVM's counts per " + study.operation});
        }
    }
    const Leading leading = leading_of(rows, columns, {});
    return columns.empty() ? Table({}) : Table(leading.columns, leading.cells);
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

void add_study_json(const Study& study, const StudyRuns& runs, nlohmann::ordered_json& report) {
    auto& rows = report["rows"] = nlohmann::ordered_json::array();
    for (const StudyRun* run : runs_with_rows(study, runs)) {
        nlohmann::ordered_json row;
        for (const AxisValue& value : run->point.values) {
            std::visit([&](const auto& input) { row["inputs"][value.axis->name] = input; },
                       value.input().value);
        }
        for (const Derived& one : study.derived) {
            nlohmann::ordered_json& cell = row["derived"][one.title];
            if (const Derived::Value found = one.value(*run, runs)) {
                std::visit([&](const auto& value) { cell = value; }, *found);
            }
        }
        rows.push_back(std::move(row));
    }
    if (study.more_json) {
        study.more_json(runs, report);
    }
}

std::vector<Table> tables_of(const Study& study, const StudyRuns& runs) {
    const RowsOf rows = runs_with_rows(study, runs);
    if (rows.empty()) {
        return {};
    }
    std::vector<Table> tables;
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
