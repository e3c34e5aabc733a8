#include "vmm/result/measurement_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

constexpr std::array figure_titles{"min", "p50", "p90", "p99", "max"};

std::array<std::uint64_t, figure_titles.size()> figures(const Distribution& d) {
    return {d.min, d.p50, d.p90, d.p99, d.max};
}

template <typename T>
void add_if_new(std::vector<T>& values, const T& value) {
    if (std::ranges::find(values, value) == values.end()) {
        values.push_back(value);
    }
}

std::vector<std::string> parameter_names(const std::vector<const MeasurementEvent*>& measurements) {
    std::vector<std::string> names;
    for (const MeasurementEvent* measurement : measurements) {
        for (const MeasurementParameter& parameter : measurement->parameters) {
            add_if_new(names, parameter.name);
        }
    }
    return names;
}

/// Words to the left, numbers to the right.
Table::Align alignment_of(const std::vector<const MeasurementEvent*>& measurements,
                          const std::string& name) {
    const bool has_words = std::ranges::any_of(measurements, [&](const auto* measurement) {
        return std::ranges::any_of(measurement->parameters, [&](const auto& parameter) {
            return parameter.name == name && std::holds_alternative<std::string>(parameter.value);
        });
    });
    return has_words ? Table::Align::left : Table::Align::right;
}

std::string table_of_unit(const TestResult& test, const std::string& unit, std::size_t indent) {
    std::vector<const MeasurementEvent*> measurements;
    for (const MeasurementEvent& measurement : test.measurements) {
        if (measurement.unit == unit) {
            measurements.push_back(&measurement);
        }
    }
    const std::vector<std::string> names = parameter_names(measurements);
    std::vector<Table::Column> leading{{"measurement", Table::Align::left}};
    for (const std::string& name : names) {
        leading.push_back({printable(name), alignment_of(measurements, name)});
    }
    std::vector<MeasurementRow> rows;
    for (const MeasurementEvent* measurement : measurements) {
        MeasurementRow row{
            {printable(measurement->name)}, distribution_of(measurement->histogram), test.tsc_khz};
        for (const std::string& name : names) {
            row.leading.push_back(parameter_text(*measurement, name));
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

std::string parameter_text(const MeasurementEvent& measurement, const std::string& name) {
    const auto parameter =
        std::ranges::find(measurement.parameters, name, &MeasurementParameter::name);
    if (parameter == measurement.parameters.end()) {
        return "";
    }
    if (const auto* text = std::get_if<std::string>(&parameter->value)) {
        return printable(*text);
    }
    return fmt::format("{}", std::get<std::uint64_t>(parameter->value));
}

std::string measurement_tables(const TestResult& test, std::size_t indent) {
    std::vector<std::string> units;
    for (const MeasurementEvent& measurement : test.measurements) {
        add_if_new(units, measurement.unit);
    }
    std::string result;
    for (const std::string& unit : units) {
        result += table_of_unit(test, unit, indent);
    }
    return result;
}

}  // namespace nestbed::vmm
