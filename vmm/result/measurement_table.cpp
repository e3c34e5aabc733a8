#include "vmm/result/measurement_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <string_view>
#include <utility>

#include "vmm/base/text.hpp"
#include "vmm/result/warnings.hpp"

namespace nestbed::vmm {

namespace {

/// min, p50, p90, p99 and max: those for which a line has room.
constexpr std::array shown{percentiles[0], percentiles[2], percentiles[4], percentiles[5],
                           percentiles[7]};

/// Empty if KVM does not say how fast the clock is.
std::string time_cell(const MeasurementRow& row, const Percentile& percentile) {
    if (row.tsc_khz == 0) {
        return "";
    }
    const auto value = borne(row.distribution, percentile);
    return value ? duration(seconds(static_cast<double>(*value), row.tsc_khz)) : "-";
}

/// Columns of a table: a guest may give each of its measurements others.
constexpr std::size_t most_parameters_shown = 32;

/// Of the measurements in `unit`, with a column for each parameter that any of them has: words to
/// the left, numbers to the right.
Table table_of_unit(const TestResult& test, const std::string& unit) {
    std::vector<Table::Column> leading{
        {.title = "measurement", .align = Table::Align::left, .is_key = true}};
    std::vector<MeasurementRow> rows;
    for (const MeasurementEvent& measurement : test.measurements) {
        if (measurement.unit != unit) {
            continue;
        }
        MeasurementRow row{{printable(measurement.name)},
                           distribution_of(measurement.histogram),
                           test.tsc_khz,
                           marks_of(measurement.warnings)};
        for (const auto& [name, value, is_outcome] : measurement.parameters) {
            const std::string title = printable(name);
            auto column =
                std::ranges::find(leading.begin() + 1, leading.end(), title, &Table::Column::title);
            if (column == leading.end()) {
                if (leading.size() > most_parameters_shown) {
                    continue;  // JSON and CSV have them
                }
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
    std::vector<Table::Column> columns = leading;
    columns.push_back({"samples"});
    for (const std::string& group : {printable(unit), std::string("time")}) {
        for (const Percentile& one : shown) {
            columns.push_back({one.name, Table::Align::right, group});
        }
    }
    columns.push_back({"!", Table::Align::left});
    Table table(std::move(columns));
    for (const MeasurementRow& row : rows) {
        std::vector<std::string> cells = row.leading;
        cells.resize(leading.size());
        cells.push_back(fmt::format("{}", row.distribution.count));
        for (const Percentile& one : shown) {
            const auto value = borne(row.distribution, one);
            cells.push_back(value ? fmt::format("{}", *value) : "-");
        }
        for (const Percentile& one : shown) {
            cells.push_back(unit == "cycles" ? time_cell(row, one) : "");
        }
        cells.push_back(row.marks);
        table.add_row(std::move(cells));
    }
    return table.without_empty_columns();
}

std::string measurement_tables(const TestResult& test, std::size_t indent, std::size_t width) {
    std::string result;
    std::set<std::string> units;
    for (const MeasurementEvent& measurement : test.measurements) {
        if (units.insert(measurement.unit).second) {
            result += table_of_unit(test, measurement.unit).text(indent, width);
        }
    }
    return result;
}

}  // namespace nestbed::vmm
