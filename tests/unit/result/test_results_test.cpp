#include "vmm/result/test_results.hpp"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>

#include "tests/unit/base/temporary_folder.hpp"
#include "tests/unit/nested/environment_variable.hpp"
#include "tests/unit/render/report_texts.hpp"
#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;

TestResult numbered(std::uint64_t number) {
    TestResult result = number % 3 == 0 ? test::failed("suite", "test") : test::passed("a", "b");
    result.repetition = number;
    return result;
}

TestResults many(std::uint64_t bytes_in_memory, std::uint64_t count = 50) {
    TestResults results(bytes_in_memory);
    for (std::uint64_t n = 0; n < count; ++n) {
        results.push_back(numbered(n));
    }
    return results;
}

TEST(TestResults, AreTheSameWhereverTheyAre) {
    RunReport in_memory;
    in_memory.tests = many(TestResults::bytes_in_memory);
    for (const std::uint64_t bytes : {0U, 1000U, 5000U}) {
        RunReport in_file;
        in_file.tests = many(bytes);
        EXPECT_EQ(in_file.tests.size(), 50U);
        for (const Format& format : {json_format, junit_format, csv_format}) {
            EXPECT_EQ(report_text(format, in_file), report_text(format, in_memory)) << bytes;
        }
        EXPECT_EQ(human_report(in_file, {}), human_report(in_memory, {}));
        EXPECT_EQ(tap_report(in_file), tap_report(in_memory));
        EXPECT_EQ(in_file.summary().failed, 17U);
    }
}

TEST(TestResults, MayBeWalkedAgainAndWhileMoreCome) {
    TestResults results = many(300, 5);
    for (int round = 0; round < 3; ++round) {
        std::vector<std::uint64_t> seen;
        for (const TestResult& result : results) {
            seen.push_back(result.repetition);
        }
        EXPECT_EQ(seen.size(), 5U + static_cast<std::size_t>(round));
        EXPECT_EQ(seen.back(), 4U + static_cast<std::uint64_t>(round));
        results.push_back(numbered(5 + static_cast<std::uint64_t>(round)));
    }
}

TEST(TestResults, AStepNeedsNoLook) {
    const TestResults results = many(0, 4);
    auto at = results.begin();
    ++at;
    ++at;
    EXPECT_EQ(at->repetition, 2U);
    EXPECT_EQ((*at).repetition, 2U);
}

TEST(TestResults, LeaveNoFile) {
    const test::TemporaryFolder folder;
    const test::EnvironmentVariable variable("TMPDIR", folder.path().string());
    const TestResults results = many(0);
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    EXPECT_EQ(results.size(), 50U);
}

TEST(TestResults, SayWhereThereIsNoRoom) {
    const test::EnvironmentVariable variable("TMPDIR", "/proc");
    TestResults results(0);
    try {
        results.push_back(numbered(1));
        FAIL() << "it was kept";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::io);
        EXPECT_THAT(error.what(), testing::HasSubstr("/proc"));
        EXPECT_THAT(error.what(), testing::HasSubstr("TMPDIR"));
    }
    EXPECT_EQ(results.size(), 0U);
}

}  // namespace
}  // namespace nestbed::vmm
