#include "vmm/render/json_measurement.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "vmm/base/error.hpp"
#include "vmm/base/json_text.hpp"
#include "vmm/render/json_or_null.hpp"
#include "vmm/result/measurements.hpp"
#include "vmm/result/warnings.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;
using stats::Histogram;

Json value_of(const MeasurementParameter& parameter) {
    return std::visit([](const auto& value) { return Json(value); }, parameter.value);
}

/// The study's axes, and what the guest alone knows of what it measured.
Json inputs_of(const TestResult& test, const MeasurementEvent& measurement) {
    Json inputs = Json::object();
    for (const auto& [name, value] : test.parameters) {
        if (test.study.empty()) {
            inputs[name] = value;
        }
    }
    for (const MeasurementParameter& one : measurement.parameters) {
        if (!one.is_outcome) {
            inputs[one.name] = value_of(one);
        }
    }
    for (const MeasurementParameter& one : test.inputs) {
        inputs[one.name] = value_of(one);
    }
    return inputs;
}

Json outcome_of(const MeasurementEvent& measurement) {
    Json outcome = Json::object();
    if (measurement.proof) {
        outcome["checks"] = measurement.proof->checks;
        outcome["violations"] = measurement.proof->violations;
    }
    for (const MeasurementParameter& one : measurement.parameters) {
        if (one.is_outcome) {
            outcome[one.name] = value_of(one);
        }
    }
    return outcome;
}

/// Both halves, or there was none.
std::optional<channel::Proof> take_proof(std::vector<MeasurementParameter>& parameters) {
    const auto number = [&](const char* name) -> const std::uint64_t* {
        const auto found = std::ranges::find_if(
            parameters, [&](const auto& one) { return one.is_outcome && one.name == name; });
        return found == parameters.end() ? nullptr : std::get_if<std::uint64_t>(&found->value);
    };
    const std::uint64_t* checks = number("checks");
    const std::uint64_t* violations = number("violations");
    if (checks == nullptr || violations == nullptr) {
        return std::nullopt;
    }
    const channel::Proof proof{.checks = *checks, .violations = *violations};
    std::erase_if(parameters, [](const auto& one) {
        return one.is_outcome && (one.name == "checks" || one.name == "violations");
    });
    return proof;
}

}  // namespace

Json json_of(const Distribution& distribution) {
    Json json{{"count", distribution.count}};
    for (const Percentile& one : percentiles) {
        json[one.name] = json_or_null(borne(distribution, one));
    }
    const bool any = distribution.count != 0;
    json["mean"] = any ? Json(distribution.mean) : Json(nullptr);
    json["stddev"] = any ? Json(distribution.stddev) : Json(nullptr);
    return json;
}

Json json_of(const Histogram& histogram) {
    Json lower = Json::array();
    Json upper = Json::array();
    Json counts = Json::array();
    for (std::size_t bucket = 0; bucket < Histogram::bucket_count; ++bucket) {
        if (const std::uint64_t count = histogram.count_in(bucket); count != 0) {
            const std::uint64_t lowest = Histogram::lowest_of(bucket);
            lower.push_back(lowest);
            upper.push_back(lowest + (Histogram::width_of(bucket) - 1));
            counts.push_back(count);
        }
    }
    Json result{{"lower", lower}, {"upper", upper}, {"counts", counts}};
    // No test of an hour has a sum above 2^64, and a guest that says so is not to be believed.
    result["sum"] = histogram.sum_high() == 0 ? Json(histogram.sum_low()) : Json(nullptr);
    return result;
}

std::vector<std::uint64_t> numbers_in(const Json& object, const char* key) {
    const Json& list = object.at(key);
    if (!std::ranges::all_of(list, &Json::is_number_unsigned)) {
        throw_error(ErrorKind::input, "{} must be whole numbers that are not negative", key);
    }
    return list.get<std::vector<std::uint64_t>>();
}

Histogram histogram_in(const Json& measurement) {
    const Json& found = measurement.at("histogram");
    const std::vector<std::uint64_t> lower = numbers_in(found, "lower");
    const std::vector<std::uint64_t> counts = numbers_in(found, "counts");
    if (lower.empty() && counts.empty()) {
        return {};
    }
    Histogram::Parts parts{.min = unsigned_in(measurement, "min"),
                           .max = unsigned_in(measurement, "max")};
    // One that needs more than 64 bits is not known, only that it does.
    const bool has_sum = !found.at("sum").is_null();
    parts.sum_low = has_sum ? unsigned_in(found, "sum") : 0;
    parts.sum_high = has_sum ? 0 : 1;
    Histogram histogram = Histogram::of(parts);
    for (std::size_t n = 0; n < lower.size() && n < counts.size(); ++n) {
        histogram.add_count(Histogram::bucket_of(lower[n]), counts[n]);
    }
    if (lower.size() != counts.size() || !histogram.is_consistent()) {
        throw_error(ErrorKind::input, "the histogram of {} contradicts itself",
                    measurement.at("id").dump());
    }
    return histogram;
}

Json json_of(const TestResult& test, const MeasurementEvent& measurement) {
    const MeasurementEvent* main = measurement_named(test, measurement.of);
    Json json{{"id", id_of(test, measurement)},
              {"study", test.study.empty() ? Json(nullptr) : Json(test.study)},
              {"name", measurement.name},
              {"is", measurement.is.empty() ? Json(nullptr) : Json(measurement.is)},
              {"of", main == nullptr ? Json(nullptr) : Json(id_of(test, *main))},
              {"inputs", inputs_of(test, measurement)},
              {"outcome", outcome_of(measurement)},
              {"unit", measurement.unit}};
    json.update(json_of(distribution_of(measurement.histogram)));
    json["histogram"] = json_of(measurement.histogram);
    json["kvm_counts"] = Json::object();
    if (measurement.counted) {
        for (const KvmCount& count : test.kvm_counts.counts) {
            json["kvm_counts"][count.name] = count.per_operation;
        }
    }
    json["warnings"] = Json::array();
    for (const Warning& warning : measurement.warnings) {
        json["warnings"].push_back({{"kind", name_of(warning.kind)}, {"text", warning.text}});
    }
    json["test"] = test.full_name();
    json["verdict"] = verdict_name(test.verdict);
    json["repetition"] = test.repetition;
    json["cpus"] = test.cpus;
    json["tsc_khz"] = test.tsc_khz;
    return json;
}

std::vector<MeasurementParameter> parameters_in(const Json& json, bool is_outcome) {
    std::vector<MeasurementParameter> all;
    for (const auto& [name, value] : json.items()) {
        MeasurementParameter& one = all.emplace_back();
        one.name = name;
        one.is_outcome = is_outcome;
        if (value.is_string()) {
            one.value = value.get<std::string>();
        } else {
            one.value = unsigned_in(json, name.c_str());
        }
    }
    return all;
}

void add_measurement_in(const Json& json, TestResult& test) {
    MeasurementEvent event;
    event.name = json.at("name");
    event.unit = json.at("unit");
    event.parameters = parameters_in(json.at("inputs"), false);
    for (MeasurementParameter& found : parameters_in(json.at("outcome"), true)) {
        event.parameters.push_back(std::move(found));
    }
    event.proof = take_proof(event.parameters);
    event.histogram = histogram_in(json);
    if (const Json& counts = json.at("kvm_counts"); !counts.empty()) {
        event.counted = true;
        test.kvm_counts.counts.clear();
        for (const auto& [name, per_operation] : counts.items()) {
            test.kvm_counts.counts.push_back({name, per_operation});
        }
    }
    test.tsc_khz = unsigned_in(json, "tsc_khz");
    test.measurements.push_back(std::move(event));
}

}  // namespace nestbed::vmm
