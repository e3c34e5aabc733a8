#include "vmm/render/format.hpp"

#include "vmm/base/json_text.hpp"
#include "vmm/render/json_measurement.hpp"
#include "vmm/render/json_memory.hpp"
#include "vmm/render/json_or_null.hpp"
#include "vmm/render/json_provenance.hpp"
#include "vmm/render/json_test_result.hpp"
#include "vmm/result/trust.hpp"

namespace nestbed::vmm {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const TscOffset& offset) {
    return {{"cycles", offset.cycles}, {"bound", offset.bound}};
}

Json json_of(const channel::Features& features) {
    return {{"no_execute", features.no_execute != 0},
            {"page_1g", features.page_1g != 0},
            {"la57", features.la57 != 0},
            {"pcid", features.pcid != 0},
            {"invpcid", features.invpcid != 0},
            {"smep", features.smep != 0},
            {"smap", features.smap != 0},
            {"pku", features.pku != 0},
            {"pks", features.pks != 0},
            {"max_physical_bits", features.max_physical_bits}};
}

Json json_of(const KvmDescription& kvm) {
    return {{"api_version", kvm.api_version},
            {"recommended_cpus", kvm.recommended_cpus},
            {"max_cpus", kvm.max_cpus},
            {"tsc_khz", json_or_null(kvm.tsc_khz)},
            {"features", json_of(kvm.features)}};
}

template <typename T>
Json json_of(const std::vector<T>& values) {
    Json result = Json::array();
    for (const T& value : values) {
        result.push_back(json_of(value));
    }
    return result;
}

template <typename T>
Json json_of(const std::optional<T>& value) {
    if (!value) {
        return nullptr;
    }
    if constexpr (std::is_arithmetic_v<T>) {
        return *value;
    } else {
        return json_of(*value);
    }
}

Json json_of(const Calibration& calibration) {
    return {{"tsc_khz", calibration.tsc_khz},
            {"kernel_cycles_per_instruction", json_of(calibration.kernel_cycles_per_instruction)},
            {"user_cycles_per_instruction", json_of(calibration.user_cycles_per_instruction)},
            {"exit_round_trip", json_of(calibration.exit_round_trip)},
            {"ipi_to_halted", json_of(calibration.ipi_to_halted)},
            {"ipi_to_spinning", json_of(calibration.ipi_to_spinning)},
            {"tsc_offset", json_of(calibration.measurable_tsc_offset())},
            {"hypercalls", json_of(calibration.hypercalls)},
            {"seconds", calibration.seconds},
            {"problems", calibration.problems}};
}

Json json_of(const HostDescription& host) {
    Json parameters = Json::object();
    for (const auto& [name, value] : host.parameters) {
        parameters[name] = json_or_null(value);
    }
    Json result{{"cpu", json_or_null(host.cpu)},
                {"kernel", json_or_null(host.kernel)},
                {"kvm_module", json_or_null(host.kvm_module)},
                {"paging", json_or_null(host.paging)},
                {"nested", host.nested},
                {"hypervisor", json_or_null(host.hypervisor)},
                {"emulated", json_of(host.emulated)},
                {"cores", json_or_null(host.cores)},
                {"memory", json_or_null(host.memory)},
                {"module_parameters", host.kvm_module ? parameters : Json(nullptr)},
                {"huge_pages", json_of(host.huge_pages)},
                {"transparent_huge_pages", json_or_null(host.transparent_huge_pages)},
                {"tsc",
                 {{"constant", json_or_null(host.tsc.constant)},
                  {"nonstop", json_or_null(host.tsc.nonstop)},
                  {"known_frequency", json_or_null(host.tsc.known_frequency)},
                  {"clocksource", json_or_null(host.tsc.clocksource)}}},
                {"disassembler", true},  // of schema 2; a program that is static has one
                {"kvm", json_of(host.kvm)}};
    if (!host.kvm_problem.empty()) {
        result["kvm_problem"] = host.kvm_problem;
    }
    return result;
}

Json head(const std::vector<std::string>& command, const Provenance& provenance,
          const std::optional<HostDescription>& host,
          const std::optional<Calibration>& calibration) {
    Json described = Json::object();
    if (host) {
        const Trust trust = judge_timings(*host, calibration);
        described = json_of(*host);
        described["timings"] = {{"trust", trust_name(trust.level)}, {"remarks", trust.remarks}};
    }
    described["calibration"] = calibration ? json_of(*calibration) : Json(nullptr);
    return {{"schema", json_schema},
            {"nestbed", NESTBED_VERSION},
            {"command", command},
            {"provenance", json_of(provenance)},
            {"host", described}};
}

/// What was to be run, and how far that came.
void add_extent(const RunReport& report, Json& result) {
    result["cut_short"] = report.cut_short ? Json(name_of(*report.cut_short)) : Json(nullptr);
    result["not_finished"] = report.not_finished;
    result["left_out"] = report.left_out;
    result["guests"] = report.guests;
    result["sandbox"] = report.sandbox.empty() ? Json(nullptr) : Json(report.sandbox);
    result["shard"] = report.shard.empty() ? Json(nullptr) : Json(report.shard);
    result["passed_repetitions"] = json_of(report.passed_repetitions);
    result["remarks"] = report.remarks;
}

}  // namespace

std::string json_report(const RunReport& report) {
    Json tests = Json::array();
    Json measurements = Json::array();
    for (const TestResult& test : report.tests) {
        tests.push_back(json_of(test));
        for (const MeasurementEvent& measurement : test.measurements) {
            measurements.push_back(json_of(test, measurement));
        }
    }
    const Summary summary = report.summary();
    Json result = json_head(report);
    result["tests"] = tests;
    result["measurements"] = measurements;
    if (report.add_json) {
        report.add_json(result);
    }
    result["summary"] = {{"passed", summary.passed},
                         {"failed", summary.failed},
                         {"skipped", summary.skipped},
                         {"flaky", summary.flaky}};
    result["seconds"] = report.seconds;
    result["error"] = json_of(report.error);
    result["interrupted"] = report.cut_short == CutShort::interrupted;
    add_extent(report, result);
    return json_file_text(result);
}

Json json_head(const RunReport& report) {
    return head(report.command, report.provenance, report.host, report.calibration);
}

std::string json_host_report(const std::vector<std::string>& command, const HostDescription& host,
                             const std::optional<Calibration>& calibration,
                             const Provenance& provenance) {
    return json_file_text(head(command, provenance, host, calibration));
}

}  // namespace nestbed::vmm
