#include "vmm/render/format.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

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

/// What stands for an array of the report's in the text of all of it.
class Place {
  public:
    explicit Place(std::string_view field)
        : text_(fmt::format("\n  \"{0}\": \"{0}\"", field)), behind_name_(text_.find(": ") + 2) {}

    /// Splits `text` there. No other part can be the same, since no string has a line end in it.
    std::pair<std::string_view, std::string_view> split(std::string_view text) const {
        const std::size_t at = text.find(text_);
        return {text.substr(0, at + behind_name_), text.substr(at + text_.size())};
    }

  private:
    std::string text_;
    std::size_t behind_name_;
};

/// An array of the report's, one element at a time, as json_file_text() would have it.
class ArrayWriter {
  public:
    explicit ArrayWriter(const TextSink& sink) : sink_(sink) {}

    void add(const Json& element) {
        std::string text = json_file_text(element);
        text.pop_back();  // its line end
        std::string indented = is_first_ ? "[\n    " : ",\n    ";
        is_first_ = false;
        for (const char c : text) {
            indented += c;
            if (c == '\n') {
                indented += "    ";
            }
        }
        sink_(indented);
    }
    void end() const { sink_(is_first_ ? "[]" : "\n  ]"); }

  private:
    const TextSink& sink_;
    bool is_first_ = true;
};

void write_tests(const RunReport& report, const TextSink& sink) {
    ArrayWriter array(sink);
    for (const TestResult& test : report.tests) {
        array.add(json_of(test));
    }
    array.end();
}

void write_measurements(const RunReport& report, const TextSink& sink) {
    ArrayWriter array(sink);
    for (const TestResult& test : report.tests) {
        for (const MeasurementEvent& measurement : test.measurements) {
            array.add(json_of(test, measurement));
        }
    }
    array.end();
}

}  // namespace

void write_json(const RunReport& report, const TextSink& sink) {
    const Summary summary = report.summary();
    Json result = json_head(report);
    // These are written one element at a time: all of them at once could be too much.
    result["tests"] = "tests";
    result["measurements"] = "measurements";
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
    const std::string text = json_file_text(result);
    const auto [before_tests, behind_tests] = Place("tests").split(text);
    const auto [before_measurements, rest] = Place("measurements").split(behind_tests);
    sink(before_tests);
    write_tests(report, sink);
    sink(before_measurements);
    write_measurements(report, sink);
    sink(rest);
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
