#include "vmm/render/result_file.hpp"

#include <nlohmann/json.hpp>

#include "vmm/base/error.hpp"
#include "vmm/base/json_text.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/json_measurement.hpp"
#include "vmm/render/json_test_result.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;

/// Each takes 15 KiB once it has been read, however little its text took.
constexpr std::size_t most_measurements = 100'000;

/// Nothing for what was not known.
std::optional<std::string> fact_in(const Json& host, const char* name) {
    const Json& fact = host.at(name);
    return fact.is_null() ? std::nullopt : std::optional(fact.get<std::string>());
}

HostDescription host_in(const Json& json, const std::filesystem::path& path) {
    HostDescription host;
    host.cpu = fact_in(json, "cpu");
    host.kernel = fact_in(json, "kernel");
    host.paging = fact_in(json, "paging");
    // Reports from before there were nested machines have no such key.
    if (const Json emulated = json.value("emulated", Json()); !emulated.is_null()) {
        host.emulated = emulated_machine_from(emulated.dump(), path.string());
    }
    return host;
}

/// What the host is, each fact by its name; not what changes from one run to the next.
std::map<std::string, std::string> facts_of(Json host) {
    for (const char* passing : {"calibration", "timings", "huge_pages", "load"}) {
        host.erase(passing);
    }
    std::map<std::string, std::string> facts;
    const Json flat = host.flatten();
    for (const auto& [name, value] : flat.items()) {
        facts[name.substr(1)] = value.is_string() ? value.get<std::string>() : value.dump();
    }
    return facts;
}

ReadMeasurement measurement_in(const Json& json) {
    return {.id = json.at("id"),
            .is_companion = !json.at("is").is_null(),
            .unit = json.at("unit"),
            .tsc_khz = unsigned_in(json, "tsc_khz"),
            .repetition = unsigned_in(json, "repetition"),
            .passed = json.at("verdict") == verdict_name(Verdict::passed),
            .histogram = histogram_in(json)};
}

/// What stands in a page as it is, so that the page can rely on it.
void check_lists(const Json& json) {
    for (const char* list :
         {"command", "tests", "measurements", "rows", "fits", "crossovers", "remarks"}) {
        if (json.contains(list) && !json.at(list).is_array()) {
            throw_error(ErrorKind::input, "{} must be a list", list);
        }
    }
    for (const Json& measurement : json.at("measurements")) {
        if (!measurement.value("warnings", Json::array()).is_array()) {
            throw_error(ErrorKind::input, "warnings must be a list");
        }
    }
}

void read_results(const Json& json, ResultFile& file) {
    check_lists(json);
    for (const Json& entry : json.at("tests")) {
        TestResult test;
        test.suite = entry.at("suite");
        test.name = entry.at("name");
        test.verdict = verdict_named(entry.at("verdict").get<std::string>());
        test.reason = entry.at("reason");
        // Reports may be older than these.
        if (const Json study = entry.value("study", Json()); !study.is_null()) {
            test.study = study;
        }
        test.failed_attempts = failed_attempts_in(entry.value("failed_attempts", Json::array()));
        file.tests.push_back(std::move(test));
    }
    if (json.at("measurements").size() > most_measurements) {
        throw_error(ErrorKind::input, "more than {} measurements", most_measurements);
    }
    for (const Json& entry : json.at("measurements")) {
        file.measurements.push_back(measurement_in(entry));
    }
}

ResultFile read(const Json& json, const std::filesystem::path& path) {
    const Json& schema = json.at("schema");
    if (!schema.is_number_unsigned()) {
        throw_error(ErrorKind::input, "{} is no JSON report of nestbed run: its schema is {}",
                    path.string(), schema.dump());
    }
    if (schema != Json(json_schema)) {
        throw_error(ErrorKind::input, "{} has schema {}, this program knows {}{}", path.string(),
                    schema.dump(), json_schema,
                    schema < Json(json_schema)
                        ? ": it has no distributions; measure again, or read it with the nestbed "
                          "that wrote it"
                        : ": a newer nestbed wrote it");
    }
    ResultFile file;
    file.environment = path.stem();
    if (const Json error = json.value("error", Json()); error.is_object()) {
        file.error = error.value("text", "the run failed");
    }
    file.has_come_to_nothing = file.error && !json.at("host").contains("cpu");
    if (!file.has_come_to_nothing) {
        file.host = host_in(json.at("host"), path);
        file.facts = facts_of(json.at("host"));
    }
    if (!json.at("not_finished").is_number_unsigned()) {
        throw_error(ErrorKind::input, "{}: not_finished must be a number", path.string());
    }
    file.not_finished = json.at("not_finished");
    file.left_out = json.value("left_out", std::vector<std::string>());
    file.guests = json.value("guests", std::vector<std::string>());
    try {
        read_results(json, file);
    } catch (const Error& error) {
        throw_error(error.kind(), "{}: {}", path.string(), error.what());
    }
    return file;
}

}  // namespace

ResultFile result_or_error_from(std::string_view text, const std::filesystem::path& path) {
    try {
        return read(parse_json(text, path.string()), path);
    } catch (const nlohmann::json::exception& error) {
        throw_error(ErrorKind::input, "{} is no JSON report of nestbed run: {}", path.string(),
                    complaint_of(error));
    }
}

ResultFile result_file_from(std::string_view text, const std::filesystem::path& path) {
    ResultFile file = result_or_error_from(text, path);
    if (file.has_come_to_nothing) {
        throw_error(ErrorKind::input, "{} has no results: {}", path.string(), *file.error);
    }
    return file;
}

}  // namespace nestbed::vmm
