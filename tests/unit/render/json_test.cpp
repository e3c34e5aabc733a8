#include "vmm/render/format.hpp"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "tests/program/kept_reports.hpp"
#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using nlohmann::json;
using namespace std::string_literals;

/// Every key that design and schema name.
void expect_keys(const json& object, const std::vector<const char*>& keys) {
    for (const char* key : keys) {
        EXPECT_TRUE(object.contains(key)) << key << " is missing in " << object;
    }
}

json parsed(const std::string& report) {
    nestbed::test::keep_report(report);
    return json::parse(report);
}

RunReport full_report() {
    RunReport report =
        test::report_of({test::passed("boot", "empty"), test::failed("demo", "fails"),
                         test::skipped("paging", "huge", "no 1 GiB pages")});
    report.tests[0].measurements = {{"walk",
                                     "cycles",
                                     {{"page", "2m"s}, {"levels", std::uint64_t{3}}},
                                     test::histogram_of({2, 4, 4, 4, 5, 5, 7, 9})}};
    HostDescription host;
    host.cpu = "A CPU";
    host.kernel = "6.1";
    host.kvm_module = "kvm_amd";
    host.paging = "npt";
    host.parameters = {{"kvm_amd.npt", "1"}};
    host.huge_pages = {{2048, 10, 4, 1}};
    host.kvm = KvmDescription{.api_version = 12, .recommended_cpus = 8, .max_cpus = 1024};
    report.host = host;
    Calibration& calibration = report.calibration.emplace();
    calibration.kernel_cycles_per_instruction = 0.5;
    calibration.tsc_offset = {-5, 20};
    return report;
}

TEST(JsonReport, HasTheSchemasKeys) {
    const json result = parsed(json_report(full_report()));
    expect_keys(result,
                {"schema", "nestbed", "command", "host", "tests", "measurements", "summary"});
    EXPECT_EQ(result["schema"], 2);
    EXPECT_EQ(result["command"], json({"nestbed", "run"}));
    expect_keys(result["host"], {"cpu", "kernel", "kvm_module", "paging", "nested", "calibration"});
    expect_keys(result["tests"][0], {"suite", "name", "verdict", "reason", "seconds", "failures"});
    EXPECT_EQ(result["summary"],
              json({{"passed", 1}, {"failed", 1}, {"skipped", 1}, {"flaky", 0}}));
}

TEST(JsonReport, HoldsWhatTheTestsFound) {
    const json tests = parsed(json_report(full_report()))["tests"];
    EXPECT_EQ(tests[0]["verdict"], "passed");
    EXPECT_EQ(tests[1]["failures"][0], json({{"file", "guest/suites/demo.cpp"},
                                             {"line", 12},
                                             {"expression", "a == b"},
                                             {"values", "1 == 2"}}));
    EXPECT_EQ(tests[2]["verdict"], "skipped");
    EXPECT_EQ(tests[2]["reason"], "no 1 GiB pages");
}

TEST(JsonReport, HoldsMeasurements) {
    const json measurement = parsed(json_report(full_report()))["measurements"][0];
    EXPECT_EQ(measurement["id"], "boot.empty/walk[page=2m,levels=3]");
    EXPECT_TRUE(measurement["study"].is_null());
    EXPECT_TRUE(measurement["is"].is_null());
    EXPECT_TRUE(measurement["of"].is_null());
    EXPECT_EQ(measurement["inputs"], json({{"page", "2m"}, {"levels", 3}}));
    EXPECT_EQ(measurement["outcome"], json::object());
    EXPECT_EQ(measurement["count"], 8);
    EXPECT_EQ(measurement["min"], 2);
    EXPECT_EQ(measurement["p25"], 4);
    EXPECT_EQ(measurement["p50"], 4);
    EXPECT_EQ(measurement["p75"], 5);
    EXPECT_EQ(measurement["max"], 9);
    EXPECT_EQ(measurement["stddev"], 2.0);
    EXPECT_EQ(measurement["histogram"]["lower"], json({2, 4, 5, 7, 9}));
    EXPECT_EQ(measurement["histogram"]["upper"], json({2, 4, 5, 7, 9}));
    EXPECT_EQ(measurement["histogram"]["counts"], json({1, 3, 2, 1, 1}));
    EXPECT_EQ(measurement["histogram"]["sum"], 40);
    EXPECT_EQ(measurement["test"], "boot.empty");
    EXPECT_EQ(measurement["verdict"], "passed");
}

TEST(JsonReport, HasNoPercentileThatTheSamplesCannotBear) {
    RunReport report = full_report();
    const auto figure = [&](std::size_t samples, const char* name) {
        const std::vector<std::uint64_t> values(samples, 5);
        stats::Histogram& histogram = report.tests[0].measurements[0].histogram;
        histogram = {};
        for (const std::uint64_t value : values) {
            histogram.record(value);
        }
        return parsed(json_report(report))["measurements"][0][name];
    };
    for (const auto& [name, least] :
         {std::pair("p50", 2U), std::pair("p25", 4U), std::pair("p75", 4U), std::pair("p90", 10U),
          std::pair("p99", 100U), std::pair("p999", 1000U)}) {
        EXPECT_TRUE(figure(least - 1, name).is_null()) << name;
        EXPECT_EQ(figure(least, name), 5) << name;
    }
    EXPECT_TRUE(figure(0, "min").is_null());
    EXPECT_EQ(figure(1, "max"), 5);
}

/// A study's row, its floor, and what both were measured under.
RunReport study_report() {
    TestResult test = test::passed("measure_shootdown", "latency");
    test.study = "shootdown";
    test.point_id = "protocol=global,cpus=2";
    test.inputs = {{"protocol", "global"s}, {"cpus", std::uint64_t{2}}};
    test.parameters = {{"protocol", 3}};
    test.measurements = {{"shootdown",
                          "cycles",
                          {{"stale_reads", std::uint64_t{4}, true}},
                          test::histogram_of({1, 2}),
                          false,
                          channel::Proof{7, 0}},
                         {"bare", "cycles", {}, test::histogram_of({1})}};
    test.measurements[1].is = "floor";
    test.measurements[1].of = "shootdown";
    return test::report_of({test});
}

TEST(JsonReport, CompanionsHaveTheSameInputsAndSayWhatTheyAreToWhom) {
    const json all = parsed(json_report(study_report()))["measurements"];
    EXPECT_EQ(all[0]["id"], "shootdown/protocol=global,cpus=2/shootdown");
    EXPECT_EQ(all[0]["study"], "shootdown");
    EXPECT_EQ(all[0]["inputs"], json({{"protocol", "global"}, {"cpus", 2}}));
    EXPECT_EQ(all[0]["outcome"], json({{"checks", 7}, {"violations", 0}, {"stale_reads", 4}}));
    EXPECT_EQ(all[1]["id"], "shootdown/protocol=global,cpus=2/bare");
    EXPECT_EQ(all[1]["is"], "floor");
    EXPECT_EQ(all[1]["of"], all[0]["id"]);
    EXPECT_EQ(all[1]["inputs"], all[0]["inputs"]);
    EXPECT_EQ(all[1]["outcome"], json::object());
}

TEST(JsonReport, HoldsKvmsCountsOfWhatTheyAreOf) {
    RunReport report = test::report_of({test::passed("measure_shootdown", "latency")});
    TestResult& result = report.tests[0];
    result.measurements = {{"shootdown", "cycles", {}, test::histogram_of({1}), true},
                           {"phase send", "cycles", {}, test::histogram_of({1})}};
    result.kvm_counts = {20, 10, {{"exits", 4.25}, {"tlb_flush", -0.5}}, "a problem"};
    const json all = parsed(json_report(report));
    EXPECT_EQ(all["measurements"][0]["kvm_counts"], json({{"exits", 4.25}, {"tlb_flush", -0.5}}));
    EXPECT_EQ(all["measurements"][1]["kvm_counts"], json::object());
    EXPECT_EQ(all["tests"][0]["kvm_counts"],
              json({{"operations", 20}, {"empty", 10}, {"problem", "a problem"}}));
}

TEST(JsonReport, HoldsWhatTheMemoryWasMadeOf) {
    RunReport report = test::report_of({test::passed("boot", "empty"), test::passed("boot", "x")});
    MemoryReport& memory = report.tests[0].memory.emplace();
    memory.guest_memory.asked = {Backing::hugetlb_2m, true};
    memory.guest_memory.bytes = 64 << 20;
    memory.guest_memory.host.private_hugetlb = 6 << 20;
    memory.guest_memory.pool = HugePages{2048, 64, 61, 29};
    memory.kvm_pages = KvmPages{7, 2, 1};
    const json tests = parsed(json_report(report))["tests"];
    const json& found = tests[0]["memory"];
    EXPECT_EQ(found["backing"], "hugetlb-2m");
    EXPECT_EQ(found["bytes"], 64 << 20);
    EXPECT_EQ(found["prefault"], true);
    EXPECT_EQ(found["host"]["private_hugetlb"], 6 << 20);
    EXPECT_EQ(found["host"]["rss"], 0);
    EXPECT_EQ(found["hugetlb_pool"],
              json({{"kib", 2048}, {"total", 64}, {"free", 61}, {"reserved", 29}}));
    EXPECT_EQ(found["kvm_pages"], json({{"4k", 7}, {"2m", 2}, {"1g", 1}}));
    EXPECT_TRUE(tests[1]["memory"].is_null());
}

TEST(JsonReport, HoldsWhatAStudyAdds) {
    RunReport report = test::report_of({});
    report.add_json = [](nlohmann::ordered_json& all) { all["rows"] = json::array(); };
    EXPECT_EQ(parsed(json_report(report))["rows"], json::array());
}

TEST(JsonReport, HoldsTheInputsOfAStudysTest) {
    TestResult test = test::passed("measure_fault", "rung");
    test.study = "fault";
    test.inputs = {{"rung", std::string("hit")}, {"cpus", std::uint64_t{2}}};
    const json found = parsed(json_report(test::report_of({test})))["tests"][0];
    EXPECT_EQ(found["study"], "fault");
    EXPECT_EQ(found["inputs"], json({{"rung", "hit"}, {"cpus", 2}}));
}

TEST(JsonReport, HoldsTheHost) {
    const json host = parsed(json_report(full_report()))["host"];
    EXPECT_EQ(host["paging"], "npt");
    EXPECT_EQ(host["nested"], false);
    EXPECT_EQ(host["kvm"]["max_cpus"], 1024);
    EXPECT_EQ(host["module_parameters"]["kvm_amd.npt"], "1");
    EXPECT_EQ(host["calibration"]["kernel_cycles_per_instruction"], 0.5);
    EXPECT_EQ(host["calibration"]["tsc_offset"]["cycles"], -5);
    EXPECT_TRUE(host["calibration"]["exit_round_trip"].is_null());
}

TEST(JsonReport, AnyBytesOfAGuestAreValidJson) {
    RunReport report = test::report_of({test::failed("demo", "evil")});
    report.tests[0].log = {"\xFF\"\\\x01\n"};
    report.tests[0].reason = "\xC3";
    const json test = parsed(json_report(report))["tests"][0];
    EXPECT_EQ(test["log"][0], "\xEF\xBF\xBD\"\\\x01\n");
}

TEST(JsonReport, HoldsErrors) {
    RunReport report = test::report_of({test::not_run("boot", "empty"), test::passed("a", "b")});
    report.error = Error(ErrorKind::io, "a full disk");
    const json all = parsed(json_report(report));
    EXPECT_EQ(all["tests"][0]["error"],
              json({{"kind", "kernel_refused"}, {"text", "KVM_CREATE_VM failed: <no> memory"}}));
    EXPECT_TRUE(all["tests"][1]["error"].is_null());
    EXPECT_EQ(all["error"], json({{"kind", "io"}, {"text", "a full disk"}}));
}

TEST(JsonReport, HoldsProofs) {
    RunReport report = full_report();
    report.tests[0].measurements[0].proof = channel::Proof{7, 2};
    EXPECT_EQ(parsed(json_report(report))["measurements"][0]["outcome"],
              json({{"checks", 7}, {"violations", 2}}));
}

TEST(JsonReport, TellsOfAnInterruption) {
    RunReport report = test::report_of({});
    report.cut_short = CutShort::interrupted;
    report.not_finished = 3;
    report.left_out = {"boot.empty", "boot.memory"};
    const json result = parsed(json_report(report));
    EXPECT_EQ(result["interrupted"], true);
    EXPECT_EQ(result["cut_short"], "interrupted");
    EXPECT_EQ(result["not_finished"], 3);
    EXPECT_EQ(result["left_out"], json({"boot.empty", "boot.memory"}));
    report.cut_short = CutShort::time_limit;
    EXPECT_EQ(parsed(json_report(report))["interrupted"], false);
    EXPECT_EQ(parsed(json_report(report))["cut_short"], "time_limit");
}

TEST(JsonReport, HasFailedAttempts) {
    const json result = parsed(json_report(test::report_of({test::flaky("demo", "wavers")})));
    EXPECT_EQ(result["summary"]["flaky"], 1);
    EXPECT_EQ(result["tests"][0]["verdict"], "passed");
    EXPECT_EQ(result["tests"][0]["flaky"], true);
    const json& attempts = result["tests"][0]["failed_attempts"];
    ASSERT_EQ(attempts.size(), 2U);
    EXPECT_EQ(attempts[0]["failures"][0]["expression"], "a == b");
    EXPECT_EQ(attempts[1]["diagnosis"], "vCPU 0: ended the run\n");
}

TEST(JsonHostReport, WorksWithoutKvm) {
    HostDescription host;
    host.kvm_problem = "no /dev/kvm";
    const json result = parsed(json_host_report({"nestbed", "doctor"}, host, std::nullopt, {}));
    EXPECT_TRUE(result["host"]["kvm"].is_null());
    EXPECT_EQ(result["host"]["kvm_problem"], "no /dev/kvm");
    EXPECT_TRUE(result["host"]["calibration"].is_null());
}

}  // namespace
}  // namespace nestbed::vmm
