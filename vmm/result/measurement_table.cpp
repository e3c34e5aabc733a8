#include "vmm/result/measurement_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "vmm/base/text.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::array figure_titles{"min", "p50", "p90", "p99", "max"};

std::array<std::uint64_t, figure_titles.size()> figures(const Distribution& d) {
    return {d.min, d.p50, d.p90, d.p99, d.max};
}

/// A column for each parameter that any of them has: words to the left, numbers to the right.
std::vector<Table::Column> parameter_columns(
    const std::vector<const MeasurementEvent*>& measurements) {
    std::vector<Table::Column> columns;
    for (const MeasurementEvent* measurement : measurements) {
        for (const auto& [name, value] : measurement->parameters) {
            auto column = std::ranges::find(columns, name, &Table::Column::title);
            if (column == columns.end()) {
                column = columns.insert(column, {name});
            }
            if (std::holds_alternative<std::string>(value)) {
                column->align = Table::Align::left;
            }
        }
    }
    return columns;
}

/// Empty if the measurement has none of that name.
std::string parameter_text(const MeasurementEvent& measurement, const std::string& name) {
    const MeasurementParameter* found = parameter_named(measurement, name);
    if (found == nullptr) {
        return "";
    }
    const auto* text = std::get_if<std::string>(&found->value);
    return text != nullptr ? printable(*text)
                           : fmt::format("{}", std::get<std::uint64_t>(found->value));
}

std::string table_of_unit(const TestResult& test, const std::string& unit, std::size_t indent) {
    std::vector<const MeasurementEvent*> measurements;
    for (const MeasurementEvent& measurement : test.measurements) {
        if (measurement.unit == unit) {
            measurements.push_back(&measurement);
        }
    }
    const std::vector<Table::Column> parameters = parameter_columns(measurements);
    std::vector<Table::Column> leading{{"measurement", Table::Align::left}};
    for (const Table::Column& parameter : parameters) {
        leading.push_back({printable(parameter.title), parameter.align});
    }
    std::vector<MeasurementRow> rows;
    for (const MeasurementEvent* measurement : measurements) {
        MeasurementRow row{
            {printable(measurement->name)}, distribution_of(measurement->histogram), test.tsc_khz};
        for (const Table::Column& parameter : parameters) {
            row.leading.push_back(parameter_text(*measurement, parameter.title));
        }
        rows.push_back(std::move(row));
    }
    return measurement_table(std::move(leading), unit, rows).text(indent);
}

}  // namespace

Table measurement_table(std::vector<Table::Column> leading, const std::string& unit,
                        const std::vector<MeasurementRow>& rows) {
    const bool with_time = unit == "cycles" && std::ranges::any_of(rows, [](const auto& row) {
                               return row.tsc_khz != 0;
                           });
    std::vector<Table::Column> columns = std::move(leading);
    columns.push_back({"samples"});
    for (const char* title : figure_titles) {
        columns.push_back({title, Table::Align::right, printable(unit)});
    }
    if (with_time) {
        for (const char* title : figure_titles) {
            columns.push_back({title, Table::Align::right, "µs"});
        }
    }
    Table table(std::move(columns));
    for (const MeasurementRow& row : rows) {
        std::vector<std::string> cells = row.leading;
        cells.push_back(fmt::format("{}", row.distribution.count));
        for (const std::uint64_t figure : figures(row.distribution)) {
            cells.push_back(fmt::format("{}", figure));
        }
        if (row.tsc_khz != 0 && with_time) {
            for (const std::uint64_t figure : figures(row.distribution)) {
                cells.push_back(
                    fmt::format("{:.2f}", microseconds(static_cast<double>(figure), row.tsc_khz)));
            }
        }
        table.add_row(std::move(cells));
    }
    return table;
}

std::string measurement_tables(const TestResult& test, std::size_t indent) {
    std::vector<std::string> units;
    for (const MeasurementEvent& measurement : test.measurements) {
        if (std::ranges::find(units, measurement.unit) == units.end()) {
            units.push_back(measurement.unit);
        }
    }
    std::string result;
    for (const std::string& unit : units) {
        result += table_of_unit(test, unit, indent);
    }
    return result;
}

}  // namespace nestbed::vmm
