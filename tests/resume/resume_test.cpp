// Sweeps that are interrupted, and go on.

#include <gmock/gmock.h>

#include <csignal>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/vmm/cli_test.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::HasSubstr;

class Resume : public WithKvm {
  public:
    /// So many runs of a few milliseconds.
    std::vector<std::string> sweep(const char* repeat,
                                   const std::vector<std::string>& more = {}) const {
        std::vector<std::string> command{"measure",   "fault", "--rung",   "hit,unmapped",
                                         "--samples", "16",    "--repeat", repeat};
        command.insert(command.end(), more.begin(), more.end());
        return command;
    }

    std::vector<std::string> lines_of_journal() const {
        std::istringstream stream(contents(path("out.json.journal")));
        std::vector<std::string> runs;
        for (std::string line; std::getline(stream, line) && !stream.eof();) {
            if (line.starts_with("{\"test\"")) {
                runs.push_back(line);
            }
        }
        return runs;
    }

    json report() const { return json::parse(contents(path("out.json"))); }
};

/// Each combination and repetition once.
void expect_whole(const json& report, std::size_t repeat) {
    std::map<std::string, int> times;
    for (const json& test : report["tests"]) {
        ++times[test["point"].get<std::string>() + "#" + test["repetition"].dump()];
    }
    EXPECT_EQ(times.size(), 2 * repeat);
    EXPECT_EQ(report["tests"].size(), 2 * repeat);
    EXPECT_EQ(report["not_finished"], 0);
    EXPECT_EQ(report["interrupted"], false);
}

TEST_F(Resume, KilledAgainAndAgainASweepLosesNothing) {
    constexpr int kills = 20;
    const std::vector<std::string> arguments = sweep("60", {"--resume", path("out.json")});
    std::vector<std::string> command{NESTBED_PROGRAM};
    command.insert(command.end(), arguments.begin(), arguments.end());
    // At any moment from the program's start to well after its first runs, however fast it is here.
    const auto start = std::chrono::steady_clock::now();
    ASSERT_EQ(nestbed(sweep("1")).exit_code, success);
    const auto most = std::chrono::duration_cast<std::chrono::microseconds>(
        (std::chrono::steady_clock::now() - start) * 3 / 2);
    std::mt19937 random(1);
    std::vector<std::string> kept;
    for (int n = 0; n < kills; ++n) {
        Process process(command);
        std::this_thread::sleep_for(most * (random() % 1000) / 1000);
        process.send(SIGKILL);
        process.wait();
        std::vector<std::string> lines = lines_of_journal();
        ASSERT_GE(lines.size(), kept.size()) << "after " << n;
        // In the order in which they were measured, as they were.
        ASSERT_TRUE(std::ranges::equal(kept, std::span(lines).first(kept.size())));
        kept = std::move(lines);
        if (kept.empty() && std::filesystem::exists(path("out.json"))) {
            break;  // it was faster than all of this
        }
    }
    const ProcessResult result = nestbed(arguments);
    EXPECT_EQ(result.exit_code, success) << result.err;
    expect_whole(report(), 60);
    EXPECT_FALSE(std::filesystem::exists(path("out.json.journal")));
    const json whole = report();
    for (const std::string& line : kept) {
        const json run = json::parse(line);
        EXPECT_EQ(std::ranges::count(whole["tests"], run["test"]), 1);
        for (const json& measurement : run["measurements"]) {
            EXPECT_EQ(std::ranges::count(whole["measurements"], measurement), 1);
        }
    }
    EXPECT_GE(whole["earlier_sessions"].size(), 1U);
}

TEST_F(Resume, AnInterruptedReportIsGoneOnWith) {
    const std::vector<std::string> arguments = sweep("40", {"--resume", path("out.json")});
    std::vector<std::string> command{NESTBED_PROGRAM};
    command.insert(command.end(), arguments.begin(), arguments.end());
    Process process(command);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (lines_of_journal().size() < 5 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    process.send(SIGINT);
    EXPECT_EQ(process.wait().exit_code, interrupted);
    const json before = report();
    EXPECT_EQ(before["interrupted"], true);
    EXPECT_GE(before["tests"].size(), 5U);
    EXPECT_FALSE(std::filesystem::exists(path("out.json.journal")));

    EXPECT_EQ(nestbed(arguments).exit_code, success);
    expect_whole(report(), 40);
    const json whole = report();
    for (const json& test : before["tests"]) {
        EXPECT_EQ(std::ranges::count(whole["tests"], test), 1);
    }
    // Nothing is left to be done.
    EXPECT_EQ(nestbed(arguments).exit_code, success);
    EXPECT_EQ(report()["tests"], whole["tests"]);
}

TEST_F(Resume, OtherOptionsAreRefusedAndTheReportStays) {
    ASSERT_EQ(nestbed(sweep("2", {"--output", path("out.json")})).exit_code, success);
    const std::string before = contents(path("out.json"));
    const ProcessResult result = nestbed(sweep("1", {"--resume", path("out.json")}));
    expect_one_line_error(result, bad_input);
    EXPECT_THAT(result.err, HasSubstr("of other combinations"));
    EXPECT_EQ(contents(path("out.json")), before);
    EXPECT_FALSE(std::filesystem::exists(path("out.json.journal")));
    expect_one_line_error(
        nestbed(sweep("2", {"--resume", path("out.json"), "--output", path("out.json")})),
        bad_input);
    expect_one_line_error(nestbed(sweep("2", {"--resume", path("out.xml")})), bad_input);
}

TEST_F(Resume, ALongSweepSaysSoAtOnceWithoutATerminal) {
    std::vector<std::string> command{NESTBED_PROGRAM};
    const std::vector<std::string> arguments = sweep("5000", {"--output", path("out.json")});
    command.insert(command.end(), arguments.begin(), arguments.end());
    Process process(command);
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (lines_of_journal().size() < 3 && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    process.send(SIGINT);
    const ProcessResult result = process.wait();
    EXPECT_EQ(result.exit_code, interrupted);
    EXPECT_THAT(result.err, testing::ContainsRegex("^\\[2/10000\\] .* left: "));
}

TEST_F(Resume, AnonymousHoldsForWhatWasMeasuredBefore) {
    ASSERT_EQ(nestbed(sweep("1", {"--output", path("out.json")})).exit_code, success);
    ASSERT_FALSE(report()["provenance"]["host_name"].is_null());
    ASSERT_EQ(nestbed(sweep("1", {"--anonymous", "--resume", path("out.json")})).exit_code,
              success);
    const json later = report();
    ASSERT_EQ(later["earlier_sessions"].size(), 1U);
    for (const json& session : {later["provenance"], later["earlier_sessions"][0]}) {
        EXPECT_EQ(session["anonymous"], true);
        EXPECT_TRUE(session["host_name"].is_null());
        EXPECT_TRUE(session["kernel_command_line"].is_null());
    }
}

TEST_F(Resume, WhatWouldSpoilItsFilesIsRefused) {
    for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
             {"--resume", path("out.json"), "--output", path("out.json.journal")},
             {"--output", path("out.html")},
             {"--histogram", "--output", path("out.json")}}) {
        expect_one_line_error(nestbed(sweep("1", wrong)), bad_input);
        EXPECT_TRUE(folder_is_empty());
    }
}

TEST_F(Resume, WhatAKilledSweepHasLeftIsNotOverwritten) {
    std::vector<std::string> command{NESTBED_PROGRAM};
    const std::vector<std::string> arguments = sweep("500", {"--output", path("out.json")});
    command.insert(command.end(), arguments.begin(), arguments.end());
    {
        Process process(command);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
        while (lines_of_journal().empty() && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    const ProcessResult result = nestbed(arguments);
    expect_one_line_error(result, bad_input);
    EXPECT_THAT(result.err, HasSubstr("--resume " + path("out.json")));
    EXPECT_FALSE(lines_of_journal().empty());
}

}  // namespace
}  // namespace nestbed::test
