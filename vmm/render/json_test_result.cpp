#include "vmm/render/json_test_result.hpp"

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>

#include "vmm/base/json_text.hpp"
#include "vmm/render/json_measurement.hpp"
#include "vmm/render/json_memory.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;

/// Of names and values.
template <typename Entries>
Json object_of(const Entries& entries) {
    Json result = Json::object();
    for (const auto& [name, value] : entries) {
        result[name] = value;
    }
    return result;
}

Json json_of(const std::vector<MeasurementParameter>& parameters) {
    Json result = Json::object();
    for (const MeasurementParameter& parameter : parameters) {
        std::visit([&](const auto& value) { result[parameter.name] = value; }, parameter.value);
    }
    return result;
}

Json failures_json(const std::vector<FailedExpectation>& failures) {
    Json all = Json::array();
    for (const FailedExpectation& failure : failures) {
        all.push_back({{"file", failure.file},
                       {"line", failure.line},
                       {"expression", failure.expression},
                       {"values", failure.values}});
    }
    return all;
}

std::vector<FailedExpectation> failures_in(const Json& failures) {
    std::vector<FailedExpectation> all;
    for (const Json& failure : failures) {
        all.push_back({failure.at("file"), unsigned_in(failure, "line"), failure.at("expression"),
                       failure.at("values")});
    }
    return all;
}

/// Null of a guest of ours, which has none.
Json foreign_json(const Attempt& attempt) {
    const SubResults& results = attempt.sub_results;
    if (!attempt.exit_value && results.counts.total() == 0) {
        return nullptr;
    }
    Json counts = Json::object();
    for (std::size_t kind = 0; kind < SubResult::kinds; ++kind) {
        counts[std::string(SubResult::words[kind])] = results.counts.of[kind];
    }
    Json all = Json::array();
    for (const SubResult& result : results.all) {
        all.push_back({{"kind", result.word()}, {"text", result.text}});
    }
    return {{"exit_value", attempt.exit_value ? Json(*attempt.exit_value) : Json(nullptr)},
            {"counts", std::move(counts)},
            {"checks", std::move(all)},
            {"checks_left_out", results.left_out}};
}

SubResult::Kind sub_result_kind_named(const std::string& word) {
    const auto found = std::ranges::find(SubResult::words, word);
    if (found == SubResult::words.end()) {
        throw_error(ErrorKind::input, "there is no kind of check {}", word);
    }
    return static_cast<SubResult::Kind>(found - SubResult::words.begin());
}

void read_foreign(const Json& json, Attempt& attempt) {
    if (const Json& value = json.at("exit_value"); !value.is_null()) {
        const std::uint64_t number = unsigned_in(json, "exit_value");
        if (number > std::numeric_limits<std::uint32_t>::max()) {
            throw_error(ErrorKind::input, "exit_value has 32 bits");
        }
        attempt.exit_value = static_cast<std::uint32_t>(number);
    }
    SubResults& results = attempt.sub_results;
    for (std::size_t kind = 0; kind < SubResult::kinds; ++kind) {
        results.counts.of[kind] =
            unsigned_in(json.at("counts"), std::string(SubResult::words[kind]).c_str());
    }
    for (const Json& check : json.at("checks")) {
        results.all.push_back({sub_result_kind_named(check.at("kind")), check.at("text")});
    }
    results.left_out = unsigned_in(json, "checks_left_out");
}

/// Zero if it is not there: journals may be older.
std::uint64_t left_out_in(const Json& object, const char* key) {
    return object.contains(key) ? unsigned_in(object, key) : 0;
}
double later_seconds_in(const Json& object, const char* key) {
    return object.contains(key) ? seconds_in(object, key) : 0;
}

std::uint32_t cpus_in(const Json& object, const char* key) {
    const std::uint64_t cpus = unsigned_in(object, key);
    if (cpus > std::numeric_limits<std::uint32_t>::max()) {
        throw_error(ErrorKind::input, "{} must be a number of CPUs", key);
    }
    return static_cast<std::uint32_t>(cpus);
}

void read_attempt(const Json& json, Attempt& attempt) {
    attempt.reason = json.at("reason");
    attempt.seconds = seconds_in(json, "seconds");
    attempt.failures = failures_in(json.at("failures"));
    attempt.failures_left_out = left_out_in(json, "failures_left_out");
    attempt.log = json.at("log").get<std::vector<std::string>>();
    attempt.log_left_out = left_out_in(json, "log_left_out");
    attempt.diagnosis = json.at("diagnosis");
    if (json.contains("multiboot") && !json.at("multiboot").is_null()) {
        read_foreign(json.at("multiboot"), attempt);
    }
}

Json attempts_json(const std::vector<Attempt>& attempts) {
    Json all = Json::array();
    for (const Attempt& attempt : attempts) {
        all.push_back({{"reason", attempt.reason},
                       {"error", attempt.error ? json_of(*attempt.error) : Json(nullptr)},
                       {"seconds", attempt.seconds},
                       {"failures", failures_json(attempt.failures)},
                       {"failures_left_out", attempt.failures_left_out},
                       {"log", attempt.log},
                       {"log_left_out", attempt.log_left_out},
                       {"multiboot", foreign_json(attempt)},
                       {"diagnosis", attempt.diagnosis}});
    }
    return all;
}

}  // namespace

Json json_of(const Error& error) {
    return {{"kind", name_of(error.kind())}, {"text", error.what()}};
}

Json json_of(const TestResult& test) {
    const KvmCounts& kvm = test.kvm_counts;
    return {{"suite", test.suite},
            {"name", test.name},
            {"verdict", verdict_name(test.verdict)},
            {"reason", test.reason},
            {"error", test.error ? json_of(*test.error) : Json(nullptr)},
            {"seconds", test.seconds},
            {"failures", failures_json(test.failures)},
            {"failures_left_out", test.failures_left_out},
            {"flaky", test.is_flaky()},
            {"failed_attempts", attempts_json(test.failed_attempts)},
            {"timeout", test.timeout},
            {"slow_after", test.slow_after},
            {"slow", test.is_slow()},
            {"file", test.file},
            {"line", test.line},
            {"cpus", test.cpus},
            {"host_cpus", test.host_cpus},
            {"repetition", test.repetition},
            {"study", test.study.empty() ? Json(nullptr) : Json(test.study)},
            {"point", test.study.empty() ? Json(nullptr) : Json(test.point_id)},
            {"inputs", json_of(test.inputs)},
            {"parameters", object_of(test.parameters)},
            {"memory", test.memory ? json_of(*test.memory) : Json(nullptr)},
            {"kvm_counts",
             {{"operations", kvm.operations}, {"empty", kvm.empty}, {"problem", kvm.problem}}},
            {"measurements", test.measurements.size()},
            {"log", test.log},
            {"log_left_out", test.log_left_out},
            {"multiboot", foreign_json(test)},
            {"diagnosis", test.diagnosis}};
}

std::vector<Attempt> failed_attempts_in(const Json& attempts) {
    std::vector<Attempt> all;
    if (!attempts.is_array()) {
        throw_error(ErrorKind::input, "failed_attempts must be a list");
    }
    for (const Json& attempt : attempts) {
        read_attempt(attempt, all.emplace_back());
    }
    return all;
}

TestResult test_result_in(const Json& test, const Json& measurements) {
    TestResult result;
    read_attempt(test, result);
    result.suite = test.at("suite");
    result.name = test.at("name");
    result.verdict = verdict_named(test.at("verdict").get<std::string>());
    result.failed_attempts = failed_attempts_in(test.value("failed_attempts", Json::array()));
    result.timeout = later_seconds_in(test, "timeout");
    result.slow_after = later_seconds_in(test, "slow_after");
    result.file = test.at("file");
    result.line = unsigned_in(test, "line");
    result.cpus = cpus_in(test, "cpus");
    result.host_cpus = cpus_in(test, "host_cpus");
    result.repetition = unsigned_in(test, "repetition");
    result.study = test.at("study").is_null() ? "" : test.at("study");
    result.point_id = test.at("point").is_null() ? "" : test.at("point");
    result.inputs = parameters_in(test.at("inputs"), false);
    const Json& parameters = test.at("parameters");
    for (const auto& [name, value] : parameters.items()) {
        result.parameters.emplace_back(name, unsigned_in(parameters, name.c_str()));
    }
    if (const Json& memory = test.at("memory"); !memory.is_null()) {
        result.memory = memory_report_in(memory);
    }
    const Json& kvm = test.at("kvm_counts");
    result.kvm_counts = {
        unsigned_in(kvm, "operations"), unsigned_in(kvm, "empty"), {}, kvm.at("problem")};
    for (const Json& measurement : measurements) {
        add_measurement_in(measurement, result);
    }
    return result;
}

}  // namespace nestbed::vmm
