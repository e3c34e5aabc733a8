// nestbed measure dirty-log, from its command line to its table and its JSON. Nothing here depends
// on a time but that there is one.

#include <map>
#include <nlohmann/json.hpp>

#include "cli_test.hpp"

namespace nestbed::test {
namespace {

using nlohmann::json;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

// What needs no KVM.

TEST(DirtyLogCommandLine, AnUnknownLogNamesTheKnownOnes) {
    const ProcessResult result = nestbed({"measure", "dirty-log", "--log", "paper"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err, EndsWith("--log paper: there are bitmap, ring, all\n"));
}

TEST(DirtyLogCommandLine, MemoryIsWholePiecesOfTestMemory) {
    for (const char* size : {"0", "4K", "3M", "34G"}) {
        const ProcessResult result = nestbed({"measure", "dirty-log", "--memory", size});
        EXPECT_EQ(result.exit_code, 2) << size;
        EXPECT_THAT(result.err, HasSubstr("it is a multiple of 2M from 2M to 32G")) << size;
    }
}

TEST(DirtyLogCommandLine, ARingHasAPowerOfTwoOfEntries) {
    const ProcessResult result = nestbed({"measure", "dirty-log", "--ring-entries", "1000"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err,
                EndsWith("--ring-entries 1000: it is a power of two from 1 to 65536\n"));
}

TEST(DirtyLogCommandLine, NotMorePagesAreWrittenThanThereAre) {
    EXPECT_EQ(nestbed({"measure", "dirty-log", "--writes", "101"}).exit_code, 2);
    EXPECT_EQ(nestbed({"measure", "dirty-log", "--writes", "0"}).exit_code, 2);
    EXPECT_EQ(nestbed({"measure", "dirty-log", "--pattern", "zigzag"}).exit_code, 2);
}

TEST(DirtyLogCommandLine, OnlyABitmapBeginsWithAllPages) {
    const ProcessResult result =
        nestbed({"measure", "dirty-log", "--log", "ring", "--initially-set"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err,
                EndsWith("--initially-set: rings begin empty; it is for --log bitmap\n"));
}

// What does.

class MeasureDirtyLog : public WithKvm {
  protected:
    /// Rows of a log that this host's KVM does not have are skipped.
    static json measure(std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(), {"measure", "dirty-log", "--format", "json"});
        const ProcessResult result = nestbed(arguments);
        json report = json::parse(result.out);
        EXPECT_EQ(report["summary"]["failed"], 0) << result.err;
        return report;
    }
};

TEST_F(MeasureDirtyLog, APageThatTheLogLosesIsMissed) {
    // The guest takes one out before it looks, as a kernel would that forgot it.
    for (const char* lose : {"0", "1"}) {
        const ProcessResult result =
            nestbed({"run", "measure_dirty_log", "--set", std::string("lose_page=") + lose,
                     "--format", "json"});
        const json report = json::parse(result.out);
        if (report["summary"]["skipped"] != 0) {
            GTEST_SKIP() << "no dirty bitmap that is cleared by hand";
        }
        const json& params = report["measurements"][0]["outcome"];
        EXPECT_EQ(params["missing"], *lose - '0');
        EXPECT_EQ(params["violations"].get<int>() != 0, *lose == '1');
    }
}

TEST_F(MeasureDirtyLog, EachPhaseHasItsSamplesAndNoPageIsMissing) {
    const json report =
        measure({"--log", "bitmap", "--memory", "4M", "--cpus", "2", "--rounds", "4"});
    if (report["summary"]["skipped"] != 0) {
        GTEST_SKIP() << "no dirty bitmap that is cleared by hand";
    }
    // The round that is counted is collected and cleared, too.
    const std::map<std::string, int> samples{
        {"populate", 1}, {"write", 1}, {"enable", 1},  {"dirty", 1},         {"dirty again", 3},
        {"collect", 5},  {"clear", 5}, {"disable", 1}, {"dirty unlogged", 1}};
    EXPECT_EQ(report["measurements"].size(), samples.size());
    for (const json& measurement : report["measurements"]) {
        const auto name = measurement["name"].get<std::string>();
        ASSERT_TRUE(samples.contains(name)) << name;
        EXPECT_EQ(measurement["count"], samples.at(name)) << name;
        EXPECT_GT(measurement["min"], 0) << name;
        EXPECT_EQ(measurement["inputs"]["pages"], 1024) << name;
        EXPECT_EQ(measurement["inputs"]["cpus"], 2) << name;
        EXPECT_EQ(measurement["inputs"]["log"], "bitmap") << name;
        EXPECT_EQ(measurement["outcome"]["written"], 5 * 1024) << name;
        EXPECT_EQ(measurement["outcome"]["unwritten"], 0) << name;
        // What KVM counted is of one of them.
        EXPECT_TRUE(name == "dirty again" || measurement["kvm_counts"].empty()) << name;
        EXPECT_EQ(measurement["outcome"]["violations"], 0) << name;
    }
}

TEST_F(MeasureDirtyLog, EachCombinationHasItsRun) {
    const json report =
        measure({"--log", "all", "--memory", "2M,4M", "--cpus", "1,2", "--rounds", "2"});
    EXPECT_EQ(report["summary"]["passed"].get<int>() + report["summary"]["skipped"].get<int>(), 8);
}

TEST_F(MeasureDirtyLog, ARingThatIsTooSmallIsEmptiedAndLosesNothing) {
    // 4096 pages in each of three rounds.
    const json report =
        measure({"--log", "ring", "--memory", "16M", "--ring-entries", "2048", "--rounds", "2"});
    if (report["summary"]["skipped"] != 0) {
        GTEST_SKIP() << "no dirty rings";
    }
    for (const json& measurement : report["measurements"]) {
        EXPECT_EQ(measurement["inputs"]["ring_entries"], 2048);
        EXPECT_GE(measurement["outcome"]["ring_full"], 3);
        EXPECT_EQ(measurement["outcome"]["violations"], 0);
    }
}

TEST_F(MeasureDirtyLog, PagesAreWrittenInAnyOrderAndOnlySomeOfThem) {
    constexpr int touched = 4 * 1024;  // 4 MiB in each of three rounds, and in one that is counted
    const json report = measure(
        {"--memory", "4M", "--cpus", "2", "--rounds", "3", "--writes", "25", "--pattern", "all"});
    for (const json& measurement : report["measurements"]) {
        const json& params = measurement["outcome"];
        EXPECT_GT(params["written"], touched / 5) << params;
        EXPECT_LT(params["written"], touched * 3 / 10) << params;
        EXPECT_EQ(params["unwritten"], 0) << params;
        EXPECT_EQ(params["violations"], 0) << params;
    }
}

TEST_F(MeasureDirtyLog, ALogThatBeginsWithAllPagesIsExactFromTheSecondRoundOn) {
    const json report = measure({"--log", "bitmap", "--memory", "2M", "--cpus", "1", "--writes",
                                 "50", "--rounds", "2", "--initially-set"});
    for (const json& measurement : report["measurements"]) {
        EXPECT_EQ(measurement["inputs"]["initially_set"], 1);
        EXPECT_EQ(measurement["outcome"]["unwritten"], 0);
        EXPECT_EQ(measurement["outcome"]["violations"], 0);
    }
}

TEST_F(MeasureDirtyLog, TheTableHasEveryPhase) {
    const ProcessResult result =
        nestbed({"measure", "dirty-log", "--log", "bitmap", "--memory", "2M", "--rounds", "2"});
    EXPECT_THAT(result.out, HasSubstr("time per page"));
    EXPECT_THAT(result.out, Not(HasSubstr("failed")));
}

}  // namespace
}  // namespace nestbed::test
