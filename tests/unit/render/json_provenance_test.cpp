#include "vmm/render/json_provenance.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"
#include "vmm/render/format.hpp"
#include "vmm/render/matrix.hpp"
#include "vmm/render/result_file.hpp"

namespace nestbed::vmm {
namespace {

using nlohmann::json;

TEST(JsonProvenance, HoldsWhatIsKnown) {
    Provenance provenance;
    provenance.time = "2026-01-02T03:04:05Z";
    provenance.revision = "12ab-dirty";
    provenance.host_name = "host";
    provenance.kernel_version = "#1 SMP";
    provenance.kernel_command_line = "quiet";
    provenance.cpu = {.microcode = "0x1",
                      .frequency_driver = "intel_pstate",
                      .governor = "mixed",
                      .turbo = true,
                      .smt = false,
                      .numa_nodes = 2,
                      .mitigations = {{{"mds", "Not affected"}, {"srbds", std::nullopt}}}};
    provenance.cgroup = {.cpu_max = "max 100000", .memory_max = "1024", .cpus = "0-3"};
    provenance.cores = {{0, 3}};
    provenance.order = {"random", 7};
    provenance.before = {.runnable = 0.5, .steal = 10, .total = 100};
    provenance.after = {.runnable = 1.5, .steal = 20, .total = 140};
    json wanted = json::parse(R"({
        "time": "2026-01-02T03:04:05Z",
        "nestbed": {"version": "VERSION", "revision": "12ab-dirty"},
        "anonymous": false,
        "host_name": "host",
        "kernel_version": "#1 SMP",
        "kernel_command_line": "quiet",
        "microcode": "0x1",
        "frequency_driver": "intel_pstate",
        "governor": "mixed",
        "turbo": true,
        "smt": false,
        "numa_nodes": 2,
        "mitigations": {"mds": "Not affected", "srbds": null},
        "cgroup": {"cpu_max": "max 100000", "memory_max": "1024", "cpus": "0-3"},
        "cores": [0, 3],
        "sweep": {"order": "random", "seed": 7},
        "load": {"before": 0.5, "after": 1.5, "stolen": 0.25}})");
    wanted["nestbed"]["version"] = NESTBED_VERSION;
    EXPECT_EQ(json(json_of(provenance)), wanted);
}

TEST(JsonProvenance, HoldsNullForWhatIsNotKnown) {
    const json found = json_of(Provenance());
    for (const char* fact :
         {"host_name", "kernel_version", "kernel_command_line", "microcode", "frequency_driver",
          "governor", "turbo", "smt", "numa_nodes", "mitigations", "cores", "sweep"}) {
        ASSERT_TRUE(found.contains(fact)) << fact;
        EXPECT_TRUE(found[fact].is_null()) << fact;
    }
    EXPECT_TRUE(found["nestbed"]["revision"].is_null());
    for (const char* object : {"cgroup", "load"}) {
        for (const auto& [name, fact] : found[object].items()) {
            EXPECT_TRUE(fact.is_null()) << object << "." << name;
        }
    }
}

TEST(JsonProvenance, AnOrderWithoutASeedHasNone) {
    Provenance provenance;
    provenance.order = {"interleaved", std::nullopt};
    EXPECT_EQ(json(json_of(provenance)["sweep"]), json({{"order", "interleaved"}, {"seed", {}}}));
}

TEST(JsonProvenance, IsInEveryReport) {
    RunReport report = test::report_of({});
    report.provenance.time = "now";
    EXPECT_EQ(json::parse(json_report(report))["provenance"]["time"], "now");
    const std::string doctor =
        json_host_report({"nestbed", "doctor"}, HostDescription(), std::nullopt, report.provenance);
    EXPECT_EQ(json::parse(doctor)["provenance"]["time"], "now");
}

TEST(JsonHost, HoldsNullForWhatIsNotKnown) {
    HostDescription host;
    host.kvm.emplace();
    const json found = json::parse(json_host_report({}, host, std::nullopt, {}))["host"];
    for (const char* fact :
         {"cpu", "kernel", "kvm_module", "paging", "hypervisor", "emulated", "cores", "memory",
          "module_parameters", "huge_pages", "transparent_huge_pages", "calibration"}) {
        ASSERT_TRUE(found.contains(fact)) << fact;
        EXPECT_TRUE(found[fact].is_null()) << fact;
    }
    for (const auto& [name, fact] : found["tsc"].items()) {
        EXPECT_TRUE(fact.is_null()) << name;
    }
    EXPECT_TRUE(found["kvm"]["tsc_khz"].is_null());
}

TEST(JsonHost, TellsWhatIsNotThereFromWhatIsNotKnown) {
    HostDescription host;
    host.kvm_module = "";
    host.huge_pages = {{{2048, 10, std::nullopt, 0}}};
    host.transparent_huge_pages = "";
    const json found = json::parse(json_host_report({}, host, std::nullopt, {}))["host"];
    EXPECT_EQ(found["kvm_module"], "");
    EXPECT_EQ(found["module_parameters"], json::object());
    EXPECT_EQ(found["transparent_huge_pages"], "");
    EXPECT_TRUE(found["huge_pages"][0]["free"].is_null());
    EXPECT_EQ(found["huge_pages"][0]["reserved"], 0);
}

TEST(JsonHost, WhatIsNotKnownComesBackAsSuch) {
    json all = json::parse(json_host_report({}, HostDescription(), std::nullopt, {}));
    all.update({{"tests", json::array()}, {"measurements", json::array()}, {"not_finished", 0}});
    const ResultFile file = result_file_from(all.dump(), "a.json");
    EXPECT_EQ(file.host.cpu, std::nullopt);
    EXPECT_EQ(file.host.paging, std::nullopt);
    EXPECT_THAT(matrix_text(std::span(&file, 1)),
                testing::HasSubstr("unknown paging on an unknown processor"));
}

TEST(JsonMemory, OfWhichTheKernelTellsNothingIsNull) {
    RunReport report = test::report_of({test::passed("boot", "empty")});
    MemoryReport& memory = report.tests[0].memory.emplace();
    const auto host = [&] {
        return json::parse(json_report(report))["tests"][0]["memory"]["host"];
    };
    EXPECT_TRUE(host().is_null());
    memory.guest_memory.host.kernel_page_size = 4096;
    EXPECT_EQ(host()["rss"], 0);
}

}  // namespace
}  // namespace nestbed::vmm
