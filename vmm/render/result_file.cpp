#include "vmm/render/result_file.hpp"

#include <nlohmann/json.hpp>

#include "vmm/base/error.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/json_measurement.hpp"

namespace nestbed::vmm {

namespace {

Verdict verdict_named(const std::string& name, const std::filesystem::path& path) {
    for (const Verdict verdict : {Verdict::passed, Verdict::failed, Verdict::skipped}) {
        if (name == verdict_name(verdict)) {
            return verdict;
        }
    }
    throw_error(ErrorKind::input, "{}: there is no verdict {}", path.string(), name);
}

/// Nothing for what was not known.
std::optional<std::string> fact_in(const nlohmann::json& host, const char* name) {
    const nlohmann::json& fact = host.at(name);
    return fact.is_null() ? std::nullopt : std::optional(fact.get<std::string>());
}

HostDescription host_in(const nlohmann::json& json, const std::filesystem::path& path) {
    HostDescription host;
    host.cpu = fact_in(json, "cpu");
    host.kernel = fact_in(json, "kernel");
    host.paging = fact_in(json, "paging");
    // Reports from before there were nested machines have no such key.
    if (const nlohmann::json emulated = json.value("emulated", nlohmann::json());
        !emulated.is_null()) {
        host.emulated = emulated_machine_from(emulated.dump(), path.string());
    }
    return host;
}

/// What the host is, each fact by its name; not what changes from one run to the next.
std::map<std::string, std::string> facts_of(nlohmann::json host) {
    for (const char* passing : {"calibration", "timings", "huge_pages", "load"}) {
        host.erase(passing);
    }
    std::map<std::string, std::string> facts;
    const nlohmann::json flat = host.flatten();
    for (const auto& [name, value] : flat.items()) {
        facts[name.substr(1)] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    return facts;
}

ReadMeasurement measurement_in(const nlohmann::json& json) {
    return {.id = json.at("id"),
            .is_companion = !json.at("is").is_null(),
            .unit = json.at("unit"),
            .tsc_khz = json.at("tsc_khz"),
            .repetition = json.at("repetition"),
            .passed = json.at("verdict") == verdict_name(Verdict::passed),
            .histogram = histogram_in(json)};
}

ResultFile read(const nlohmann::json& json, const std::filesystem::path& path) {
    const nlohmann::json& schema = json.at("schema");
    if (!schema.is_number_unsigned()) {
        throw_error(ErrorKind::input, "{} is no JSON report of nestbed run: its schema is {}",
                    path.string(), schema.dump());
    }
    if (schema != nlohmann::json(json_schema)) {
        throw_error(ErrorKind::input, "{} has schema {}, this program knows {}{}", path.string(),
                    schema.dump(), json_schema,
                    schema < nlohmann::json(json_schema)
                        ? ": it has no distributions; measure again, or read it with the nestbed "
                          "that wrote it"
                        : ": a newer nestbed wrote it");
    }
    ResultFile file;
    file.environment = path.stem();
    file.host = host_in(json.at("host"), path);
    if (!json.at("not_finished").is_number_unsigned()) {
        throw_error(ErrorKind::input, "{}: not_finished must be a number", path.string());
    }
    file.not_finished = json.at("not_finished");
    for (const nlohmann::json& entry : json.at("tests")) {
        TestResult test;
        test.suite = entry.at("suite");
        test.name = entry.at("name");
        test.verdict = verdict_named(entry.at("verdict"), path);
        test.reason = entry.at("reason");
        file.tests.push_back(std::move(test));
    }
    file.facts = facts_of(json.at("host"));
    for (const nlohmann::json& entry : json.at("measurements")) {
        file.measurements.push_back(measurement_in(entry));
    }
    return file;
}

}  // namespace

ResultFile result_file_from(std::string_view text, const std::filesystem::path& path) {
    try {
        return read(nlohmann::json::parse(text), path);
    } catch (const nlohmann::json::exception& error) {
        throw_error(ErrorKind::input, "{} is no JSON report of nestbed run: {}", path.string(),
                    error.what());
    }
}

}  // namespace nestbed::vmm
