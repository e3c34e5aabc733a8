#include "vmm/render/result_file.hpp"

#include <gmock/gmock.h>

#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"
#include "vmm/base/error.hpp"
#include "vmm/render/format.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

RunReport report() {
    RunReport report =
        test::report_of({test::passed("boot", "empty"), test::failed("demo", "fails"),
                         test::skipped("paging", "huge", "no 1 GiB pages")});
    report.host = HostDescription{};
    report.host->cpu = "A CPU";
    report.host->kernel = "6.1";
    report.host->paging = "npt";
    return report;
}

/// What `json_report` writes, with something else in it.
std::string report_with(const std::string& old_text, const std::string& new_text) {
    std::string text = json_report(report());
    const std::size_t at = text.find(old_text);
    EXPECT_NE(at, std::string::npos) << old_text;
    return text.replace(at, old_text.size(), new_text);
}

std::string refusal_of(const std::string& text) {
    try {
        result_file_from(text, "results/npt.json");
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::input);
        return error.what();
    }
    return "no error";
}

TEST(ResultFile, IsAReportReadBack) {
    RunReport written = report();
    written.not_finished = 3;
    written.left_out = {"boot.other"};
    written.guests = {"boot", "./demo.elf"};
    written.tests.push_back(test::flaky("demo", "wavers"));
    const ResultFile file = result_file_from(json_report(written), "npt.json");
    EXPECT_EQ(file.host.cpu, "A CPU");
    EXPECT_EQ(file.host.kernel, "6.1");
    EXPECT_EQ(file.host.paging, "npt");
    EXPECT_EQ(file.not_finished, 3U);
    EXPECT_THAT(file.left_out, testing::ElementsAre("boot.other"));
    EXPECT_THAT(file.guests, testing::ElementsAre("boot", "./demo.elf"));
    ASSERT_EQ(file.tests.size(), 4U);
    EXPECT_TRUE(file.tests[3].is_flaky());
    EXPECT_EQ(file.tests[0].full_name(), "boot.empty");
    EXPECT_EQ(file.tests[0].verdict, Verdict::passed);
    EXPECT_EQ(file.tests[1].verdict, Verdict::failed);
    EXPECT_EQ(file.tests[1].reason, "an expectation failed");
    EXPECT_EQ(file.tests[2].verdict, Verdict::skipped);
    EXPECT_EQ(file.tests[2].reason, "no 1 GiB pages");
}

TEST(ResultFile, ItsEnvironmentIsItsNameWithoutTheEnding) {
    const std::string text = json_report(report());
    EXPECT_EQ(result_file_from(text, "npt.json").environment, "npt");
    EXPECT_EQ(result_file_from(text, "/some/folder/npt.json").environment, "npt");
    EXPECT_EQ(result_file_from(text, "linux-6.1.json").environment, "linux-6.1");
    EXPECT_EQ(result_file_from(text, "npt").environment, "npt");
}

TEST(ResultFile, KnowsTheMachineThatWasEmulated) {
    RunReport written = report();
    EXPECT_FALSE(result_file_from(json_report(written), "npt.json").host.emulated);
    written.host->emulated = EmulatedMachine{.emulator = "QEMU 7.2",
                                             .cpu_model = "max",
                                             .kernel_package = "linux 6.1",
                                             .package_checksum = "12",
                                             .kernel_checksum = "34",
                                             .retries = 1};
    const ResultFile file = result_file_from(json_report(written), "npt.json");
    ASSERT_TRUE(file.host.emulated);
    EXPECT_EQ(text_of(*file.host.emulated), text_of(*written.host->emulated));
}

TEST(ResultFile, OfARunThatCameToNothingThereIsWhatItLeftOut) {
    RunReport nothing;
    nothing.command = {"nestbed", "run"};
    nothing.error = Error(ErrorKind::host_lacks, "no /dev/kvm");
    nothing.not_finished = 1;
    nothing.left_out = {"demo.one"};
    const std::string text = json_report(nothing);
    EXPECT_THAT(refusal_of(text), HasSubstr("has no results: no /dev/kvm"));
    const ResultFile file = result_or_error_from(text, "npt.json");
    EXPECT_EQ(file.error, "no /dev/kvm");
    EXPECT_EQ(file.left_out, std::vector<std::string>{"demo.one"});
}

TEST(ResultFile, OfBeforeThereWereNestedMachinesIsUnderstood) {
    const std::string text = report_with(R"("emulated": null,)", "");
    EXPECT_FALSE(result_file_from(text, "npt.json").host.emulated);
}

TEST(ResultFile, OfALaterProgramIsUnderstood) {
    const std::string text = report_with(R"("verdict")", R"("a new key": [1], "verdict")");
    EXPECT_EQ(result_file_from(text, "npt.json").tests.size(), 3U);
}

TEST(ResultFile, WhatIsNoReportIsNamed) {
    for (const char* text : {"", "PASS boot.empty", "{}", "[]", "1", R"({"schema": 2})",
                             R"({"schema": "2"})", "\xFF"}) {
        EXPECT_THAT(refusal_of(text),
                    StartsWith("results/npt.json is no JSON report of nestbed run: "))
            << text;
    }
}

TEST(ResultFile, AReportThatIsCutOffIsNone) {
    const std::string text = json_report(report());
    for (std::size_t size = 0; size + 2 < text.size(); size += 7) {
        EXPECT_THROW(result_file_from(std::string_view(text).substr(0, size), "a.json"), Error)
            << size;
    }
}

TEST(ResultFile, DoctorsReportIsNone) {
    EXPECT_THAT(
        refusal_of(json_host_report({"nestbed", "doctor"}, *report().host, std::nullopt, {})),
        HasSubstr("is no JSON report of nestbed run"));
}

TEST(ResultFile, ASpoiltReportIsNamed) {
    for (const auto& [old_text, new_text] : {
             std::pair{R"("suite": "demo")", R"("suite": 1)"},
             std::pair{R"("reason": "")", R"("reason": null)"},
             std::pair{R"("cpu": "A CPU",)", ""},
             std::pair{R"("not_finished": 0)", R"("not_finished": "none")"},
         }) {
        EXPECT_THAT(refusal_of(report_with(old_text, new_text)), HasSubstr("results/npt.json"))
            << new_text;
    }
}

TEST(ResultFile, ASpoiltMachineIsNamedByItsReport) {
    for (const char* machine : {"true", R"({"emulator": "QEMU"})"}) {
        EXPECT_THAT(refusal_of(report_with(R"("emulated": null)",
                                           std::string(R"("emulated": )") + machine)),
                    HasSubstr("results/npt.json"));
    }
}

TEST(ResultFile, WhatNoReportIsLikeIsRefused) {
    std::string many_keys = "{";
    for (int n = 0; n < 20'000; ++n) {
        many_keys += fmt::format("\"{}\":1,", n);
    }
    for (const std::string& text : {std::string(1'000'000, '['), many_keys + "\"last\":1}",
                                    report_with(R"("schema": 2)", R"("rows": 1, "schema": 2)")}) {
        EXPECT_THAT(refusal_of(text), StartsWith("results/npt.json: ")) << text.substr(0, 20);
    }
}

TEST(ResultFile, AnUnknownVerdictIsNamed) {
    EXPECT_EQ(refusal_of(report_with(R"("verdict": "skipped")", R"("verdict": "lost")")),
              "results/npt.json: there is no verdict lost");
}

TEST(ResultFile, AnotherSchemaIsNamed) {
    EXPECT_EQ(refusal_of(report_with(R"("schema": 2)", R"("schema": 3)")),
              "results/npt.json has schema 3, this program knows 2: a newer nestbed wrote it");
    EXPECT_EQ(refusal_of(report_with(R"("schema": 2)", R"("schema": 1)")),
              "results/npt.json has schema 1, this program knows 2: it has no distributions; "
              "measure again, or read it with the nestbed that wrote it");
}

}  // namespace
}  // namespace nestbed::vmm
