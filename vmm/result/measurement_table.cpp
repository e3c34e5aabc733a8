#include "vmm/result/measurement_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::pair<const char*, std::uint64_t Distribution::*> figures[] = {
    {"min", &Distribution::min},
    {"p50", &Distribution::p50},
    {"p90", &Distribution::p90},
    {"p99", &Distribution::p99},
    {"max", &Distribution::max}};

/// Of the measurements in `unit`, with a column for each parameter that any of them has: words to
/// the left, numbers to the right.
Table table_of_unit(const TestResult& test, const std::string& unit) {
    std::vector<Table::Column> leading{{"measurement", Table::Align::left}};
    std::vector<MeasurementRow> rows;
    for (const MeasurementEvent& measurement : test.measurements) {
        if (measurement.unit != unit) {
            continue;
        }
        MeasurementRow row{
            {printable(measurement.name)}, distribution_of(measurement.histogram), test.tsc_khz};
        for (const auto& [name, value] : measurement.parameters) {
            const std::string title = printable(name);
            auto column =
                std::ranges::find(leading.begin() + 1, leading.end(), title, &Table::Column::title);
            if (column == leading.end()) {
                column = leading.insert(column, {title});
            }
            row.leading.resize(leading.size());
            std::string& cell = row.leading[static_cast<std::size_t>(column - leading.begin())];
            if (const auto* text = std::get_if<std::string>(&value)) {
                column->align = Table::Align::left;
                cell = printable(*text);
            } else {
                cell = fmt::format("{}", std::get<std::uint64_t>(value));
            }
        }
        rows.push_back(std::move(row));
    }
    return measurement_table(leading, unit, rows);
}

}  // namespace

Table measurement_table(const std::vector<Table::Column>& leading, const std::string& unit,
                        const std::vector<MeasurementRow>& rows) {
    const bool with_time = unit == "cycles" && std::ranges::any_of(rows, [](const auto& row) {
                               return row.tsc_khz != 0;
                           });
    std::vector<Table::Column> columns = leading;
    columns.push_back({"samples"});
    for (const auto& [title, figure] : figures) {
        columns.push_back({title, Table::Align::right, printable(unit)});
    }
    for (const auto& [title, figure] : figures) {
        if (with_time) {
            columns.push_back({title, Table::Align::right, "µs"});
        }
    }
    Table table(std::move(columns));
    for (const MeasurementRow& row : rows) {
        std::vector<std::string> cells = row.leading;
        cells.resize(leading.size());
        cells.push_back(fmt::format("{}", row.distribution.count));
        for (const auto& [title, figure] : figures) {
            cells.push_back(fmt::format("{}", row.distribution.*figure));
        }
        for (const auto& [title, figure] : figures) {
            const auto cycles = static_cast<double>(row.distribution.*figure);
            if (with_time && row.tsc_khz != 0) {
                cells.push_back(fmt::format("{:.2f}", microseconds(cycles, row.tsc_khz)));
            }
        }
        table.add_row(std::move(cells));
    }
    return table;
}

std::string measurement_tables(const TestResult& test, std::size_t indent) {
    std::string result;
    std::set<std::string> units;
    for (const MeasurementEvent& measurement : test.measurements) {
        if (units.insert(measurement.unit).second) {
            result += table_of_unit(test, measurement.unit).text(indent);
        }
    }
    return result;
}

}  // namespace nestbed::vmm
