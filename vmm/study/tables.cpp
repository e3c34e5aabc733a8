// What a study found, as tables: made from its description.
#include "vmm/study/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "vmm/base/text.hpp"
#include "vmm/result/measurement_table.hpp"
#include "vmm/result/warnings.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;
using RowsOf = std::vector<const StudyRun*>;

/// The left of a table: what tells the points of its rows apart, and what is derived of them.
struct Leading {
    std::vector<Table::Column> columns;
    std::vector<std::vector<std::string>> cells;  ///< of each row
};

std::string cell_of(const Derived& derived, const Derived::Value& value) {
    if (!value) {
        return "";
    }
    if (const auto* word = std::get_if<std::string>(&*value)) {
        return printable(*word);
    }
    const double number = std::get<double>(*value);
    return derived.is_duration ? duration(number) : fmt::format("{:.{}f}", number, derived.digits);
}

/// In the last column, if not all of it is.
void mark_what_is_missing(Leading& leading) {
    const auto is_missing = [](const auto& cells) { return cells.back().empty(); };
    if (std::ranges::all_of(leading.cells, is_missing)) {
        return;
    }
    for (std::vector<std::string>& cells : leading.cells) {
        cells.back() = is_missing(cells) ? "-" : cells.back();
    }
}

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
        leading.columns.push_back({.title = axis.heading(),
                                   .align = is_word ? Table::Align::left : Table::Align::right,
                                   .is_key = true});
        for (std::size_t n = 0; n < rows.size(); ++n) {
            leading.cells[n].push_back(rows[n]->point.at(axis.name).text());
        }
    }
    for (const Derived& one : columns) {
        leading.columns.push_back({one.title, Table::Align::right, one.group});
        for (std::size_t n = 0; n < rows.size(); ++n) {
            const Derived::Value value = one.value(*rows[n], all);
            if (value && std::holds_alternative<std::string>(*value)) {
                leading.columns.back().align = Table::Align::left;
            }
            leading.cells[n].push_back(cell_of(one, value));
        }
        mark_what_is_missing(leading);
    }
    return leading;
}

/// Its label, and what is derived of it, below what stands to the left of the point's own row.
std::vector<std::string> companions_cells(const Study& study, const Measured& measured,
                                          const StudyRun& run, std::size_t columns) {
    std::vector<std::string> cells(columns - study.derived.size());
    cells.front() = measured.label;
    for (const Derived& one : study.derived) {
        cells.push_back(one.of_companion ? cell_of(one, one.of_companion(run, measured.name)) : "");
    }
    return cells;
}

Table main_table(const Study& study, const RowsOf& rows, const StudyRuns& all) {
    const Leading leading = leading_of(rows, study.derived, all);
    if (!study.shows_distributions) {
        Leading all_columns = leading;
        all_columns.columns.push_back({"!", Table::Align::left});
        for (std::size_t n = 0; n < rows.size(); ++n) {
            all_columns.cells[n].push_back(marks_of(warnings_shown(study, *rows[n])));
        }
        return Table(all_columns.columns, all_columns.cells).without_empty_columns();
    }
    std::vector<MeasurementRow> distributions;
    for (std::size_t n = 0; n < rows.size(); ++n) {
        const TestResult& test = rows[n]->test;
        for (const Measured& measured : study.measured) {
            const auto* found = measurement_named(test, measured.name);
            if (found != nullptr && !measured.hidden) {
                distributions.push_back(
                    {measured.label.empty()
                         ? leading.cells[n]
                         : companions_cells(study, measured, *rows[n], leading.columns.size()),
                     distribution_of(found->histogram), test.tsc_khz, marks_of(found->warnings)});
            }
        }
    }
    return measurement_table(leading.columns, "cycles", distributions).without_empty_columns();
}

/// Of the measurements that are parts of those in the rows, where the guest made them.
Table parts_table(const Study& study, const RowsOf& rows) {
    Leading leading = leading_of(rows, {}, {});
    leading.columns.push_back({.title = study.parts, .align = Table::Align::left, .is_key = true});
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
            columns.push_back({.name = name,
                               .title = name,
                               .value = count,
                               .group = "KVM's counts per " + study.operation});
        }
    }
    const Leading leading = leading_of(rows, columns, {});
    return columns.empty() ? Table({}) : Table(leading.columns, leading.cells);
}

Json inputs_of(const Point& point) {
    Json inputs = Json::object();
    for (const AxisValue& value : point.values) {
        std::visit([&](const auto& input) { inputs[value.axis->name] = input; },
                   value.input().value);
    }
    return inputs;
}

/// By name; of a companion only what there is.
Json derived_of(const Study& study, const StudyRun& run, const StudyRuns& runs,
                const Measured& measured) {
    const bool is_first = &measured == &study.measured.front();
    Json derived = Json::object();
    for (const Derived& one : study.derived) {
        if (one.name.empty()) {
            continue;
        }
        const Derived::Value found = is_first           ? one.value(run, runs)
                                     : one.of_companion ? one.of_companion(run, measured.name)
                                                        : std::nullopt;
        if (found) {
            std::visit([&](const auto& value) { derived[one.name] = value; }, *found);
        } else if (is_first) {
            derived[one.name] = nullptr;
        }
    }
    return derived;
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

std::vector<Warning> warnings_shown(const Study& study, const StudyRun& run) {
    std::vector<Warning> warnings;
    for (const Measured& measured : study.measured) {
        const MeasurementEvent* found = measurement_named(run.test, measured.name);
        const bool has_row =
            study.shows_distributions ? !measured.hidden : &measured == &study.measured.front();
        if (found != nullptr && has_row) {
            std::ranges::copy(found->warnings, std::back_inserter(warnings));
        }
    }
    std::erase_if(warnings, [&](const Warning& warning) {
        return !study.shows_distributions && warning.kind == Warning::Kind::few_samples;
    });
    return warnings;
}

void add_study_json(const Study& study, const StudyRuns& runs, Json& report) {
    Json& rows = report["rows"] = Json::array();
    for (const StudyRun* run : runs_with_rows(study, runs)) {
        for (const Measured& measured : study.measured) {
            const bool is_first = &measured == &study.measured.front();
            const MeasurementEvent* found = measurement_named(run->test, measured.name);
            if (found == nullptr) {
                continue;
            }
            const Json derived = derived_of(study, *run, runs, measured);
            if (is_first || !derived.empty()) {
                rows.push_back({{"id", id_of(run->test, *found)},
                                {"inputs", inputs_of(run->point)},
                                {"derived", derived}});
            }
        }
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
