// Which tests run, how often, and until when: the options of `nestbed run` and `nestbed list`.

#include <gmock/gmock.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "cli_test.hpp"
#include "vmm/host/emulated_machine.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr int flaky_tests = 6;
constexpr int out_of_time = 124;

/// Of a report's tests, or a list's.
std::vector<std::string> names_in(const json& report) {
    std::vector<std::string> names;
    for (const json& test : report["tests"]) {
        names.push_back(test["suite"].get<std::string>() + "." + test["name"].get<std::string>());
    }
    return names;
}

std::vector<std::string> listed(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "list");
    arguments.emplace_back("--json");
    const ProcessResult result = nestbed(arguments);
    EXPECT_EQ(result.exit_code, success) << result.err;
    return names_in(json::parse(result.out));
}

// What needs no KVM.

TEST(Selecting, WhatIsNoSelectionIsOneLine) {
    std::vector<std::vector<std::string>> wrong{
        {"run", "boot", "--filter", "boot.empty::boot.memory*"},
        {"run", "boot", "--filter", "boot.*:-boot.emtpy"},
        {"run", "boot", "--filter", "-boot.emtpy"},
        {"run", "boot", "--filter=-"},
        {"run", "boot", "--filter", "boot.*:-boot.*"},
        {"run", "flush", "--tag", "slwo"},
        {"run", "flush", "--tag", "-slwo"},
        {"run", "flush", "--tag", ""},
        {"run", "boot", "--shard", "0/4"},
        {"run", "boot", "--shard", "5/4"},
        {"run", "boot", "--shard", "1/0"},
        {"run", "boot", "--shard", "1"},
        {"run", "boot", "--shard", "1/2/3"},
        {"run", "boot", "--rerun-failed", "/no/such/report.json"},
        {"run", "boot", "--rerun-failed", "/dev/null"},
        {"run", "boot", "--until-fail", "--fail-fast"},
        {"run", "boot", "--until-fail", "--retries", "2"},
        {"run", "boot", "--retries", "0"},
        {"run", "boot", "--time-limit", "0"},
        {"run", "boot", "--slow-after", "5", "--timeout", "5"},
        {"run", "boot", "--fail-fast=false"},
        {"list", "boot", "--all"},
        {"list", "boot", "--tag", "slow"},
        {"list", "boot", "--shard", "3/2"},
    };
    // There tests are run again without being asked to be.
    if (!vmm::this_emulated_machine()) {
        wrong.push_back({"run", "boot", "--fail-on-flaky"});
    }
    for (const auto& arguments : wrong) {
        SCOPED_TRACE(testing::PrintToString(arguments));
        expect_one_line_error(nestbed(arguments), bad_input);
    }
    EXPECT_THAT(nestbed({"run", "flush", "--tag", "slwo"}).err, HasSubstr("are: needs-invpcid)"));
}

TEST(Selecting, AnExclusionIsNoOption) {
    const std::vector<std::string> rest = listed({"boot", "--filter=-boot.e*"});
    EXPECT_THAT(rest, Not(testing::Contains("boot.empty")));
    EXPECT_GT(rest.size(), 1U);
    EXPECT_EQ(listed({"boot", "--filter", "-boot.e*"}), rest);
    EXPECT_EQ(listed({"boot", "--filter", "boot.*:-boot.e*"}), rest);
    EXPECT_EQ(listed({"flush", "--tag", "-needs-invpcid"}),
              listed({"flush", "--tag=-needs-invpcid"}));
}

TEST(Selecting, ListIsOfWhatRunWouldRun) {
    const std::vector<std::string> all = listed({});
    EXPECT_THAT(all, testing::Contains("boot.empty"));
    EXPECT_THAT(all, Not(testing::Contains(StartsWith("crash."))));
    EXPECT_THAT(all, Not(testing::Contains(StartsWith("measure_"))));
    EXPECT_THAT(listed({"--all"}), testing::Contains(StartsWith("measure_")));
    std::multiset<std::string> shards;
    for (const char* shard : {"1/3", "2/3", "3/3"}) {
        const auto some = listed({"--tag", "-slow", "--shard", shard});
        shards.insert(some.begin(), some.end());
    }
    const auto quick = listed({"--tag", "-slow"});
    EXPECT_EQ(shards, std::multiset<std::string>(quick.begin(), quick.end()));
    EXPECT_LT(quick.size(), all.size());
}

TEST(Selecting, TheSuitesHaveTags) {
    const json list = json::parse(nestbed({"list", "--all", "--json"}).out);
    for (const json& test : list["tests"]) {
        const auto has = [&](const char* tag) {
            return std::ranges::count(test["tags"], json(tag)) != 0;
        };
        const std::string suite = test["suite"];
        EXPECT_EQ(has("measures"), suite.starts_with("measure_") || suite == "calibrate") << test;
        EXPECT_EQ(has("slow"), test["name"].get<std::string>().ends_with("soak")) << test;
    }
}

TEST(Selecting, AnEmptyShardNeedsNoKvmAndIsASuccess) {
    const ProcessResult result =
        nestbed({"run", "boot", "--filter", "boot.empty", "--shard", "2/2"});
    EXPECT_EQ(result.exit_code, success) << result.err;
    EXPECT_EQ(result.out, "shard 2/2 is empty: there is 1 test\n");
    EXPECT_EQ(
        nestbed({"run", "boot", "--filter", "boot.empty", "--shard", "2/2", "--format", "tap"}).out,
        "TAP version 13\n1..0 # SKIP shard 2/2 is empty: there is 1 test\n");
}

// What needs KVM.

class Running : public WithKvm {
  protected:
    json report(const char* name = "out.json") const { return json::parse(contents(path(name))); }

    /// Runs, with a report as out.json.
    ProcessResult run(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), "run");
        arguments.insert(arguments.end(), {"--output", path("out.json")});
        return nestbed(arguments);
    }
};

TEST_F(Running, RunsWhatListLists) {
    const std::vector<std::string> options{
        "boot", "flush", "--filter", "boot.*:flush.by_c*:-*_is*", "--shard", "1/2"};
    EXPECT_EQ(run(options).exit_code, success);
    EXPECT_EQ(names_in(report()), listed(options));
    EXPECT_EQ(report()["shard"], "1/2");
}

TEST_F(Running, FailFastStartsNothingAfterAFailure) {
    const ProcessResult result = run(
        {"crash", "boot", "--filter", "crash.failed_exp*:boot.empty:boot.memory*", "--fail-fast",
         "--jobs", "1", "--output", path("out.xml"), "--output", path("out.tap")});
    EXPECT_EQ(result.exit_code, test_failed) << result.err;
    const std::string said = "stopped at the first failure: 2 tests not run";
    EXPECT_THAT(result.out, HasSubstr(said));
    EXPECT_THAT(contents(path("out.xml")), HasSubstr(said));
    EXPECT_THAT(contents(path("out.tap")), HasSubstr("Bail out! " + said));
    EXPECT_EQ(report()["cut_short"], "first_failure");
    EXPECT_EQ(report()["not_finished"], 2);
    EXPECT_EQ(report()["left_out"], json({"boot.empty", "boot.memory_map_is_usable"}));
}

TEST_F(Running, WhatFailedOrWasLeftOutRunsAgain) {
    run({"crash", "boot", "--filter", "crash.failed_exp*:boot.empty:crash.panic_mess*", "--jobs",
         "1", "--fail-fast"});
    // The report may go where the old one is.
    EXPECT_EQ(run({"--rerun-failed", path("out.json")}).exit_code, test_failed);
    EXPECT_EQ(names_in(report()).size(), 3U) << "two left out, of the guests of then";
    // The guests that passed are not run once more.
    EXPECT_EQ(run({"--rerun-failed", path("out.json")}).exit_code, test_failed);
    EXPECT_THAT(names_in(report()),
                testing::UnorderedElementsAre("crash.failed_expectation", "crash.panic_message"));
    EXPECT_EQ(listed({"--rerun-failed", path("out.json"), "--filter", "-*panic*"}),
              std::vector<std::string>{"crash.failed_expectation"});
}

TEST_F(Running, WhereNothingFailedThereIsNothingToRunAgain) {
    EXPECT_EQ(run({"boot", "--filter", "boot.empty"}).exit_code, success);
    const ProcessResult result = nestbed({"run", "--rerun-failed", path("out.json")});
    EXPECT_EQ(result.exit_code, success);
    EXPECT_EQ(result.out,
              "no test failed in " + path("out.json") + ": there is nothing to run again\n");
}

TEST_F(Running, WhatWasNoSuccessIsNoneWhenItIsRunAgain) {
    EXPECT_EQ(run({"boot", "--filter", "boot.empty", "--set", "nothing=1"}).exit_code, bad_input);
    const ProcessResult refused = nestbed({"run", "--rerun-failed", path("out.json")});
    expect_one_line_error(refused, bad_input);
    EXPECT_THAT(refused.err, HasSubstr("no test failed in it, but the run did: "));

    run({"boot", "--filter", "boot.empty"});
    std::string text = contents(path("out.json"));
    const std::string verdict = R"("verdict": "passed")";
    text.replace(text.find(verdict), verdict.size(), R"("verdict": "skipped")");
    std::ofstream(path("skipped.json")) << text;
    EXPECT_EQ(listed({"--rerun-failed", path("skipped.json")}),
              std::vector<std::string>{"boot.empty"});
}

TEST_F(Running, TheTimeLimitEndsRetriesToo) {
    const ProcessResult result = run({"crash", "--filter", "crash.hang", "--timeout", "0.1",
                                      "--retries", "1000", "--time-limit", "4"});
    EXPECT_EQ(result.exit_code, out_of_time);
    EXPECT_EQ(report()["cut_short"], "time_limit");
    EXPECT_EQ(report()["summary"]["failed"], 1);
}

TEST_F(Running, ATestThatIsGoneIsSaid) {
    run({"crash", "--filter", "crash.failed_exp*:crash.panic_mess*"});
    std::string text = contents(path("out.json"));
    const std::string name = "\"panic_message\"";
    text.replace(text.find(name), name.size(), "\"panic_of_old\"");
    std::ofstream(path("old.json")) << text;
    const ProcessResult result = run({"--rerun-failed", path("old.json")});
    EXPECT_EQ(result.exit_code, test_failed);
    EXPECT_THAT(result.out, HasSubstr("crash.panic_of_old failed in "));
    EXPECT_THAT(names_in(report()), ElementsAre("crash.failed_expectation"));
    expect_one_line_error(nestbed({"run", "boot", "--rerun-failed", path("old.json")}), bad_input);
}

TEST_F(Running, TheReportOfAMeasurementIsNotRunAgain) {
    EXPECT_EQ(nestbed({"measure", "hypercall", "--kind", "port", "--samples", "100", "--output",
                       path("measured.json")})
                  .exit_code,
              success);
    const ProcessResult result = nestbed({"run", "--rerun-failed", path("measured.json")});
    expect_one_line_error(result, bad_input);
    EXPECT_THAT(result.err, HasSubstr("--resume"));
}

// It fails about every other time: that none of thirty does happens once in 10^9 runs.
TEST_F(Running, APassAfterAFailureIsFlakyEverywhere) {
    const std::vector<std::string> flaky{
        "crash", "--filter", "crash.now_and_then", "--repeat", "30",           "--retries",
        "60",    "--output", path("out.xml"),      "--output", path("out.tap")};
    const ProcessResult result = run(flaky);
    EXPECT_EQ(result.exit_code, success) << result.out;
    EXPECT_THAT(result.out, HasSubstr("  flaky\n"));
    EXPECT_THAT(result.out, HasSubstr(" flaky), 0 failed"));
    EXPECT_THAT(contents(path("out.xml")), HasSubstr("<flakyFailure message="));
    EXPECT_THAT(contents(path("out.xml")), HasSubstr(" failures=\"0\" errors=\"0\""));
    EXPECT_THAT(contents(path("out.tap")), HasSubstr("\n# flaky: failed "));
    EXPECT_GE(report()["summary"]["flaky"], 1);
    EXPECT_THAT(nestbed({"matrix", path("out.json")}).out, HasSubstr("\nflaky:\n"));
    std::vector<std::string> strict = flaky;
    strict.emplace_back("--fail-on-flaky");
    EXPECT_EQ(run(strict).exit_code, flaky_tests);
}

TEST_F(Running, ATestThatNeverPassesIsRunAgainAndFails) {
    EXPECT_EQ(run({"crash", "--filter", "crash.failed_exp*", "--retries", "2", "--fail-on-flaky"})
                  .exit_code,
              test_failed);
    EXPECT_EQ(report()["tests"][0]["failed_attempts"].size(), 2U);
    EXPECT_EQ(report()["tests"][0]["flaky"], false);
}

TEST_F(Running, UntilATestFails) {
    const ProcessResult found = run({"crash", "--filter", "crash.now_and_then", "--until-fail",
                                     "--jobs", "1", "--time-limit", "60"});
    EXPECT_EQ(found.exit_code, test_failed);
    EXPECT_THAT(found.out, HasSubstr("a test failed in repetition "));
    EXPECT_EQ(report()["tests"].size(), 1U);
    EXPECT_EQ(report()["tests"][0]["repetition"], 1 + report()["passed_repetitions"].get<int>());
    const ProcessResult bounded =
        run({"boot", "--filter", "boot.empty", "--until-fail", "--repeat", "3"});
    EXPECT_EQ(bounded.exit_code, success);
    EXPECT_THAT(bounded.out, HasSubstr("no test failed in 3 repetitions"));
    EXPECT_EQ(report()["tests"].size(), 1U);
}

TEST_F(Running, TheTimeLimitEndsARun) {
    const ProcessResult result = run({"crash", "--filter", "crash.hang", "--timeout", "60",
                                      "--time-limit", "0.5", "--retries", "3"});
    EXPECT_EQ(result.exit_code, out_of_time);
    EXPECT_THAT(result.out, HasSubstr("the time limit was reached: 1 test did not finish"));
    EXPECT_EQ(report()["cut_short"], "time_limit");
    EXPECT_EQ(report()["interrupted"], false);
    EXPECT_EQ(report()["left_out"], json({"crash.hang"}));
}

TEST_F(Running, TheTimeLimitIsNoFailureOfARunUntilATestFails) {
    const ProcessResult result =
        nestbed({"run", "boot", "--filter", "boot.empty", "--until-fail", "--time-limit", "3"});
    EXPECT_EQ(result.exit_code, success);
    EXPECT_THAT(result.out, HasSubstr("the time limit was reached\nno test failed in "));
}

TEST_F(Running, CtrlCEndsARunUntilATestFails) {
    Process process({NESTBED_PROGRAM, "run", "boot", "--filter", "boot.empty", "--until-fail",
                     "--output", path("out.json")});
    wait_for_output(process, "boot.empty #3");
    process.send(SIGINT);
    EXPECT_EQ(process.wait().exit_code, interrupted);
    EXPECT_EQ(report()["cut_short"], "interrupted");
    EXPECT_GE(report()["passed_repetitions"], 3);
    EXPECT_EQ(report()["tests"].size(), 1U);
}

TEST_F(Running, ThisHostHasNoneOfTheErrata) {
    if (vmm::this_emulated_machine()) {
        GTEST_SKIP() << "its emulator may have them";
    }
    const ProcessResult result = run({"errata", "--set", "milliseconds=200", "--verbose"});
    EXPECT_EQ(result.exit_code, success) << result.out;
    EXPECT_THAT(result.out, HasSubstr(" interrupts, none within another"));
}

TEST_F(Running, SlowTestsAreSaid) {
    EXPECT_THAT(run({"boot", "--filter", "boot.empty", "--slow-after", "0.001"}).out,
                HasSubstr("slow: it took more than 1.00 ms of its timeout of 10.0 s"));
    EXPECT_EQ(report()["tests"][0]["slow"], true);
    EXPECT_EQ(report()["tests"][0]["timeout"], 10.0);
}

}  // namespace
}  // namespace nestbed::test
