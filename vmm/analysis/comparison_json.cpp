#include "vmm/analysis/comparison_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

#include "vmm/base/json_text.hpp"
#include "vmm/render/json_or_null.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;

Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json json_of(const ComparedMeasurement& row) {
    const Difference& d = row.difference;
    return {{"id", row.id},
            {"is_companion", row.is_companion},
            {"unit", row.unit},
            {"base", {{"median", d.base}, {"repetitions", row.base_repetitions}}},
            {"new", {{"median", d.next}, {"repetitions", row.next_repetitions}}},
            {"change", finite_or_null(d.change)},
            {"low", finite_or_null(d.low)},
            {"high", finite_or_null(d.high)},
            {"p", row.p},
            {"word", name_of(row.word)}};
}

}  // namespace

Json comparison_json(const Comparison& comparison) {
    Json measurements = Json::array();
    for (const ComparedMeasurement& row : comparison.measurements) {
        measurements.push_back(json_of(row));
    }
    Json left_out = Json::array();
    for (const LeftOut& one : comparison.left_out) {
        left_out.push_back({{"id", one.id}, {"reason", one.reason}});
    }
    Json differences = Json::array();
    for (const HostDifference& one : comparison.host_differences) {
        differences.push_back({{"fact", one.fact},
                               {"base", json_or_null(one.base)},
                               {"new", json_or_null(one.next)}});
    }
    return {{"base", comparison.base},
            {"new", comparison.next},
            {"measurements", measurements},
            {"left_out", left_out},
            {"host_differences", differences}};
}

std::string comparison_report(const std::vector<Comparison>& comparisons,
                              std::optional<double> threshold) {
    Json all = Json::array();
    for (const Comparison& comparison : comparisons) {
        all.push_back(comparison_json(comparison));
        if (threshold) {
            all.back()["regressions"] = regressions_in(comparison, *threshold);
        }
    }
    const Json report{{"comparison_schema", comparison_schema},
                      {"nestbed", NESTBED_VERSION},
                      {"threshold", threshold ? Json(*threshold) : Json(nullptr)},
                      {"comparisons", all}};
    return json_file_text(report);
}

}  // namespace nestbed::vmm
