// nestbed compare, with results that no guest has made: it needs no KVM.

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/program/expectations.hpp"
#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"
#include "vmm/render/format.hpp"

namespace nestbed::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// What a measurement is like: its samples are about so many cycles.
struct Measured {
    std::string name;
    std::uint64_t cycles = 0;
    bool is_floor = false;
    vmm::Verdict verdict = vmm::Verdict::passed;
};

vmm::TestResult result_of(const Measured& measured, std::uint64_t repetition) {
    vmm::TestResult test = vmm::test::passed("suite", measured.name);
    test.verdict = measured.verdict;
    test.repetition = repetition;
    vmm::MeasurementEvent& event = test.measurements.emplace_back();
    event.name = "latency";
    event.unit = "cycles";
    event.is = measured.is_floor ? "floor" : "";
    for (std::uint64_t n = 0; n < 100; ++n) {
        event.histogram.record(measured.cycles + measured.cycles * (n % 20 + repetition) / 1000);
    }
    return test;
}

std::string report_of(const std::vector<Measured>& all, const std::string& kernel = "6.1",
                      std::uint64_t repetitions = 3) {
    vmm::RunReport report;
    report.command = {"nestbed", "run"};
    report.host.emplace().kernel = kernel;
    for (const Measured& one : all) {
        for (std::uint64_t repetition = 1; repetition <= repetitions; ++repetition) {
            report.tests.push_back(result_of(one, repetition));
        }
    }
    return vmm::json_report(report);
}

class Compare : public testing::Test {
  public:
    void SetUp() override {
        std::string pattern = testing::TempDir() + "nestbed-compare-XXXXXX";
        folder_ = ::mkdtemp(pattern.data());
        base = file("base.json", report_of({{"a", 100'000}, {"b", 5000}}));
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }

    std::string file(const std::string& name, const std::string& text) const {
        const std::string path = folder_ / name;
        std::ofstream(path) << text;
        return path;
    }

    std::string base;

  private:
    std::filesystem::path folder_;
};

TEST_F(Compare, AFileWithItselfHasNoDifference) {
    const ProcessResult result = nestbed({"compare", base, base, "--threshold", "5%"});
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_THAT(result.out, HasSubstr("suite.a/latency\n"));
    EXPECT_THAT(result.out, HasSubstr("no difference\nsuite.b/latency\n"));
    EXPECT_THAT(result.out, HasSubstr("slower by more than 5 %: 0 measurements\n"));
    for (const char* other : {"faster", "slower\n", "cannot tell", "the hosts differ"}) {
        EXPECT_THAT(result.out, Not(HasSubstr(other)));
    }
    EXPECT_EQ(nestbed({"compare", base, base}).out, nestbed({"compare", base, base}).out);
}

TEST_F(Compare, ARegressionIsExitCode1OnlyByAThreshold) {
    const std::string slower = file("new.json", report_of({{"a", 110'000}, {"b", 5000}}, "6.18"));
    const ProcessResult result = nestbed({"compare", base, slower});
    EXPECT_EQ(result.exit_code, success);
    EXPECT_THAT(result.out, HasSubstr("slower\n"));
    EXPECT_THAT(result.out, HasSubstr("the hosts differ: kernel: 6.1, then 6.18\n"));
    EXPECT_EQ(nestbed({"compare", base, slower, "--threshold", "5%"}).exit_code, test_failed);
    EXPECT_EQ(nestbed({"compare", base, slower, "--threshold", "20%"}).exit_code, success);
    EXPECT_EQ(nestbed({"compare", slower, base, "--threshold", "5%"}).exit_code, success)
        << "it became faster";
}

TEST_F(Compare, AFloorIsNoRegression) {
    const std::string old = file("old.json", report_of({{"a", 1000, true}}));
    const std::string slower = file("new.json", report_of({{"a", 2000, true}}));
    const ProcessResult result = nestbed({"compare", old, slower, "--threshold", "5%"});
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_THAT(result.out, HasSubstr("slower\n"));
}

TEST_F(Compare, EachNewOneIsComparedWithTheBase) {
    const std::string same = file("same.json", report_of({{"a", 100'000}}));
    const std::string slower = file("slower.json", report_of({{"a", 120'000}}));
    const ProcessResult result = nestbed({"compare", base, same, slower, "--threshold", "5%"});
    EXPECT_EQ(result.exit_code, test_failed);
    EXPECT_THAT(result.out, HasSubstr(same + ":\n"));
    EXPECT_THAT(result.out, HasSubstr("\n" + slower + ":\n"));
    EXPECT_THAT(result.out, HasSubstr("not compared: suite.b/latency: only the base has it\n"));
}

TEST_F(Compare, IsJsonForAProgram) {
    const std::string slower = file("slower.json", report_of({{"a", 120'000}, {"b", 5000}}));
    const ProcessResult result =
        nestbed({"compare", base, slower, "--format", "json", "--threshold", "5%"});
    EXPECT_EQ(result.exit_code, test_failed);
    const auto report = nlohmann::json::parse(result.out);
    EXPECT_EQ(report["threshold"], 0.05);
    const nlohmann::json& comparison = report["comparisons"].at(0);
    EXPECT_EQ(comparison["measurements"].at(0)["id"], "suite.a/latency");
    EXPECT_EQ(comparison["measurements"].at(0)["word"], "slower");
    EXPECT_EQ(comparison["measurements"].at(0)["base"]["repetitions"], 3);
    EXPECT_EQ(comparison["regressions"], nlohmann::json({"suite.a/latency"}));
    expect_one_line_error(nestbed({"compare", base, slower, "--format", "xml"}), bad_input);
}

TEST_F(Compare, AThresholdIsAPercentage) {
    for (const char* wrong : {"0%", "-1%", "abc", "5", "%", "", "5%%", "1e400%", "1001%", "nan%",
                              "inf%", "5 %", "0x5%"}) {
        const ProcessResult result = nestbed({"compare", base, base, "--threshold", wrong});
        expect_one_line_error(result, bad_input);
        EXPECT_THAT(result.err, HasSubstr("--threshold")) << wrong;
    }
    for (const char* right : {"0.5%", "1000%"}) {
        EXPECT_EQ(nestbed({"compare", base, base, "--threshold", right}).exit_code, success);
    }
}

TEST_F(Compare, WhatIsNoResultIsNamed) {
    const std::string report = report_of({{"a", 1000}});
    const std::string cut_off = file("cut.json", report.substr(0, report.size() / 2));
    const std::string text = file("text.json", "PASS boot.empty\n");
    const std::string empty = file("empty.json", "");
    for (const std::string& wrong : {cut_off, text, empty, base + ".gone", std::string("/tmp")}) {
        for (const auto& files : {std::pair{base, wrong}, std::pair{wrong, base}}) {
            const ProcessResult result = nestbed({"compare", files.first, files.second});
            expect_one_line_error(result, bad_input);
            EXPECT_THAT(result.err, HasSubstr(wrong));
        }
    }
    // All of them, before anything is printed.
    expect_one_line_error(nestbed({"compare", base, base, text}), bad_input);
    expect_one_line_error(nestbed({"compare", base}), bad_input);
}

TEST_F(Compare, AResultWithoutDistributionsIsToBeMeasuredAgain) {
    std::string report = report_of({{"a", 1000}});
    const std::string schema = R"("schema": 2)";
    report.replace(report.find(schema), schema.size(), R"("schema": 1)");
    const ProcessResult result = nestbed({"compare", base, file("old.json", report)});
    expect_one_line_error(result, bad_input);
    EXPECT_THAT(result.err, HasSubstr("measure again"));
}

TEST_F(Compare, WithNothingInCommonThereIsNothingToSay) {
    const std::string other = file("other.json", report_of({{"c", 1000}}));
    const ProcessResult result = nestbed({"compare", base, other});
    expect_one_line_error(result, bad_input);
    EXPECT_THAT(result.err, HasSubstr("no measurement that can be compared"));
    const std::string failed =
        file("failed.json", report_of({{"a", 1000, false, vmm::Verdict::failed}}));
    EXPECT_THAT(nestbed({"compare", failed, base}).err, HasSubstr("in the base it did not pass"));
    const std::string nothing = file("nothing.json", report_of({}));
    expect_one_line_error(nestbed({"compare", nothing, nothing}), bad_input);
}

TEST_F(Compare, SingleRepetitionsAreSaidToBeSo) {
    const std::string single = file("single.json", report_of({{"a", 100'000}}, "6.1", 1));
    const ProcessResult result = nestbed({"compare", single, single});
    EXPECT_THAT(result.out, StartsWith("  "));
    EXPECT_THAT(result.out, HasSubstr("--repeat 5"));
    EXPECT_THAT(nestbed({"compare", base, base}).out, Not(HasSubstr("--repeat")));
}

}  // namespace
}  // namespace nestbed::test
