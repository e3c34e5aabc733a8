#include "vmm/render/json_test_result.hpp"

#include <nlohmann/json.hpp>

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
        all.push_back({failure.at("file"), failure.at("line"), failure.at("expression"),
                       failure.at("values")});
    }
    return all;
}

Json attempts_json(const std::vector<FailedAttempt>& attempts) {
    Json all = Json::array();
    for (const FailedAttempt& attempt : attempts) {
        all.push_back({{"reason", attempt.reason},
                       {"error", attempt.error ? json_of(*attempt.error) : Json(nullptr)},
                       {"seconds", attempt.seconds},
                       {"failures", failures_json(attempt.failures)},
                       {"failures_left_out", attempt.failures_left_out},
                       {"log", attempt.log},
                       {"log_left_out", attempt.log_left_out},
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
            {"diagnosis", test.diagnosis}};
}

std::vector<FailedAttempt> failed_attempts_in(const Json& attempts) {
    std::vector<FailedAttempt> all;
    if (!attempts.is_array()) {
        throw_error(ErrorKind::input, "failed_attempts must be a list");
    }
    for (const Json& attempt : attempts) {
        all.push_back({.reason = attempt.at("reason"),
                       .error = {},
                       .seconds = attempt.at("seconds"),
                       .failures = failures_in(attempt.at("failures")),
                       .failures_left_out = attempt.value("failures_left_out", std::uint64_t{0}),
                       .log = attempt.at("log").get<std::vector<std::string>>(),
                       .log_left_out = attempt.value("log_left_out", std::uint64_t{0}),
                       .diagnosis = attempt.at("diagnosis")});
    }
    return all;
}

TestResult test_result_in(const Json& test, const Json& measurements) {
    TestResult result;
    result.suite = test.at("suite");
    result.name = test.at("name");
    result.verdict = verdict_named(test.at("verdict").get<std::string>());
    result.reason = test.at("reason");
    result.seconds = test.at("seconds");
    result.failures = failures_in(test.at("failures"));
    // Journals may be older than these.
    result.failed_attempts = failed_attempts_in(test.value("failed_attempts", Json::array()));
    result.timeout = test.value("timeout", 0.0);
    result.file = test.at("file");
    result.line = test.at("line");
    result.cpus = test.at("cpus");
    result.host_cpus = test.at("host_cpus");
    result.repetition = test.at("repetition");
    result.study = test.at("study").is_null() ? "" : test.at("study");
    result.point_id = test.at("point").is_null() ? "" : test.at("point");
    result.inputs = parameters_in(test.at("inputs"), false);
    for (const auto& [name, value] : test.at("parameters").items()) {
        result.parameters.emplace_back(name, value);
    }
    if (const Json& memory = test.at("memory"); !memory.is_null()) {
        result.memory = memory_report_in(memory);
    }
    const Json& kvm = test.at("kvm_counts");
    result.kvm_counts = {kvm.at("operations"), kvm.at("empty"), {}, kvm.at("problem")};
    result.log_left_out = test.value("log_left_out", std::uint64_t{0});
    result.failures_left_out = test.value("failures_left_out", std::uint64_t{0});
    result.log = test.at("log").get<std::vector<std::string>>();
    result.diagnosis = test.at("diagnosis");
    for (const Json& measurement : measurements) {
        add_measurement_in(measurement, result);
    }
    return result;
}

}  // namespace nestbed::vmm
