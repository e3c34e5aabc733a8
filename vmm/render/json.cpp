#include "vmm/render/format.hpp"

#include <nlohmann/json.hpp>

#include "vmm/render/json_measurement.hpp"
#include "vmm/render/json_or_null.hpp"
#include "vmm/render/json_provenance.hpp"
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

Json json_of(const HugePages& pages) {
    return {{"kib", pages.kib},
            {"total", json_or_null(pages.total)},
            {"free", json_or_null(pages.free)},
            {"reserved", json_or_null(pages.reserved)}};
}

Json json_of(const ResidentPages& pages) {
    return {{"mapped", pages.mapped},
            {"rss", pages.rss},
            {"anon_huge_pages", pages.anon_huge_pages},
            {"shmem_pmd_mapped", pages.shmem_pmd_mapped},
            {"file_pmd_mapped", pages.file_pmd_mapped},
            {"shared_hugetlb", pages.shared_hugetlb},
            {"private_hugetlb", pages.private_hugetlb},
            {"swap", pages.swap},
            {"kernel_page_size", pages.kernel_page_size}};
}

Json json_of(const FailedExpectation& failure) {
    return {{"file", failure.file},
            {"line", failure.line},
            {"expression", failure.expression},
            {"values", failure.values}};
}

Json json_of(const BackingReport& report) {
    Json result{{"backing", study::name_of(report.asked.kind)},
                {"bytes", report.bytes},
                {"prefault", report.asked.prefault},
                // Memory without even a page size has not been seen.
                {"host", report.host == ResidentPages{} ? Json(nullptr) : json_of(report.host)},
                {"hugetlb_pool", report.pool ? json_of(*report.pool) : Json(nullptr)}};
    if (!report.problem.empty()) {
        result["problem"] = report.problem;
    }
    return result;
}

Json json_of(const KvmPages& pages) {
    return {{"4k", pages.size_4k}, {"2m", pages.size_2m}, {"1g", pages.size_1g}};
}

Json json_of(const MemoryReport& report) {
    Json result = json_of(report.guest_memory);
    if (report.test_memory) {
        result["test_memory"] = json_of(*report.test_memory);
    }
    result["kvm_pages"] = report.kvm_pages ? json_of(*report.kvm_pages) : Json(nullptr);
    return result;
}

Json json_of(const Error& error) {
    return {{"kind", name_of(error.kind())}, {"text", error.what()}};
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

/// Of names and values.
template <typename Entries>
Json object_of(const Entries& entries) {
    Json result = Json::object();
    for (const auto& [name, value] : entries) {
        result[name] = value;
    }
    return result;
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
                {"disassembler", host.disassembler},
                {"kvm", json_of(host.kvm)}};
    if (!host.kvm_problem.empty()) {
        result["kvm_problem"] = host.kvm_problem;
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

Json json_of(const TestResult& test) {
    const KvmCounts& kvm = test.kvm_counts;
    return {{"suite", test.suite},
            {"name", test.name},
            {"verdict", verdict_name(test.verdict)},
            {"reason", test.reason},
            {"error", json_of(test.error)},
            {"seconds", test.seconds},
            {"failures", json_of(test.failures)},
            {"file", test.file},
            {"line", test.line},
            {"cpus", test.cpus},
            {"host_cpus", test.host_cpus},
            {"repetition", test.repetition},
            {"study", test.study.empty() ? Json(nullptr) : Json(test.study)},
            {"point", test.study.empty() ? Json(nullptr) : Json(test.point_id)},
            {"inputs", json_of(test.inputs)},
            {"parameters", object_of(test.parameters)},
            {"memory", json_of(test.memory)},
            {"kvm_counts",
             {{"operations", kvm.operations}, {"empty", kvm.empty}, {"problem", kvm.problem}}},
            {"log", test.log},
            {"diagnosis", test.diagnosis}};
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

/// Guests and command lines may hold any bytes; JSON is UTF-8.
std::string dump(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
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
    Json result = head(report.command, report.provenance, report.host, report.calibration);
    result["tests"] = tests;
    result["measurements"] = measurements;
    if (report.add_json) {
        report.add_json(result);
    }
    result["summary"] = {
        {"passed", summary.passed}, {"failed", summary.failed}, {"skipped", summary.skipped}};
    result["seconds"] = report.seconds;
    result["error"] = json_of(report.error);
    result["interrupted"] = report.interrupted;
    result["not_finished"] = report.not_finished;
    return dump(result);
}

std::string json_host_report(const std::vector<std::string>& command, const HostDescription& host,
                             const std::optional<Calibration>& calibration,
                             const Provenance& provenance) {
    return dump(head(command, provenance, host, calibration));
}

}  // namespace nestbed::vmm
