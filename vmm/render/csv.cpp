// A report's measurements as a table for programs (RFC 4180): a row each, or a row for each bucket
// of their histograms. Columns are the paths of the JSON report's fields, as
// pandas.json_normalize() names them.
#include <fmt/ranges.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "vmm/base/text.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/json_measurement.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;

/// One column for each of them.
using CsvRow = std::vector<std::pair<std::string, std::string>>;

std::string csv_cell(const Json& value) {
    if (value.is_null()) {
        return "";
    }
    // Guests' names may be any bytes.
    std::string text =
        value.is_string() ? printable_but(value.get<std::string>(), "\n") : value.dump();
    if (text.find_first_of(",\"\r\n") == text.npos) {
        return text;
    }
    std::string quoted = "\"";
    for (const char c : text) {
        quoted += c == '"' ? "\"\"" : std::string(1, c);
    }
    return quoted + "\"";
}

std::string texts_of(const Json& warnings) {
    std::vector<std::string> texts;
    for (const Json& warning : warnings) {
        texts.push_back(warning.at("text"));
    }
    return fmt::format("{}", fmt::join(texts, "; "));
}

CsvRow row_of(const Json& measurement) {
    CsvRow row;
    for (const auto& [name, value] : measurement.items()) {
        if (name == "warnings") {
            row.emplace_back(name, csv_cell(texts_of(value)));
        } else if (value.is_object()) {
            for (const auto& [inner, inner_value] : value.items()) {
                row.emplace_back(fmt::format("{}.{}", name, inner), csv_cell(inner_value));
            }
        } else {
            row.emplace_back(name, csv_cell(value));
        }
    }
    return row;
}

/// What says which measurement it is, and a bucket of it.
std::vector<CsvRow> bucket_rows_of(Json measurement) {
    const Json histogram = measurement.at("histogram");
    const Json figures = json_of(Distribution());
    for (const auto& [figure, value] : figures.items()) {
        measurement.erase(figure);
    }
    for (const char* found : {"outcome", "kvm_counts", "warnings"}) {
        measurement.erase(found);
    }
    std::vector<CsvRow> rows;
    for (std::size_t n = 0; n < histogram.at("counts").size(); ++n) {
        measurement["histogram"] = {{"lower", histogram.at("lower")[n]},
                                    {"upper", histogram.at("upper")[n]},
                                    {"count", histogram.at("counts")[n]}};
        rows.push_back(row_of(measurement));
    }
    return rows;
}

/// Calls `take` with one after the other.
template <typename Take>
void for_each_row(const RunReport& report, const Take& take) {
    for (const TestResult& test : report.tests) {
        for (const MeasurementEvent& event : test.measurements) {
            Json measurement = json_of(test, event);
            measurement["sandbox"] = report.sandbox;
            if (report.histograms) {
                std::ranges::for_each(bucket_rows_of(std::move(measurement)), take);
            } else {
                measurement.erase("histogram");
                take(row_of(measurement));
            }
        }
    }
}

/// Of all rows; one that only some have stands behind its neighbor in those.
std::vector<std::string> columns_of(const RunReport& report) {
    // The first ones of every row: a table without rows has them as well.
    std::vector<std::string> columns{"id", "study", "name", "is", "of"};
    for_each_row(report, [&](const CsvRow& row) {
        auto place = columns.begin();
        for (const auto& [name, cell] : row) {
            const auto found = std::ranges::find(columns, name);
            place = (found == columns.end() ? columns.insert(place, name) : found) + 1;
        }
    });
    return columns;
}

}  // namespace

void write_csv(const RunReport& report, const TextSink& sink) {
    const std::vector<std::string> columns = columns_of(report);
    std::vector<std::string> head(columns.size());
    std::ranges::transform(columns, head.begin(), csv_cell);
    sink(fmt::format("{}\n", fmt::join(head, ",")));
    for_each_row(report, [&](const CsvRow& row) {
        std::vector<std::string> cells;
        for (const std::string& column : columns) {
            const auto found = std::ranges::find(row, column, &CsvRow::value_type::first);
            cells.push_back(found == row.end() ? "" : found->second);
        }
        sink(fmt::format("{}\n", fmt::join(cells, ",")));
    });
}

}  // namespace nestbed::vmm
