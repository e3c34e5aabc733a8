// Tests that are run again, with functions in place of VMs.

#include "vmm/run/retries.hpp"

#include <gmock/gmock.h>

#include "shared/channel/panic_report.hpp"

namespace nestbed::vmm {
namespace {

/// What each run comes to, the first one first; 'i' is interrupted.
TestResult result_of_runs(std::uint64_t retries, const std::string& verdicts, std::size_t& runs) {
    runs = 0;
    return run_with_retries({.asked_for = retries}, [&] {
        TestResult result;
        const char verdict = verdicts.at(runs++);
        result.verdict = verdict == 'p'   ? Verdict::passed
                         : verdict == 's' ? Verdict::skipped
                                          : Verdict::failed;
        result.interrupted = verdict == 'i';
        result.reason = "run " + std::to_string(runs);
        result.log = {result.reason};
        result.brief_diagnosis = "brief " + result.reason;
        return result;
    });
}

TEST(Retries, WhatPassesOrIsSkippedRunsOnce) {
    std::size_t runs = 0;
    for (const char* verdict : {"p", "s"}) {
        const TestResult result = result_of_runs(3, verdict, runs);
        EXPECT_EQ(runs, 1U);
        EXPECT_FALSE(result.is_flaky());
    }
}

TEST(Retries, APassAfterFailuresIsFlaky) {
    std::size_t runs = 0;
    const TestResult result = result_of_runs(5, "ffp", runs);
    EXPECT_EQ(runs, 3U);
    EXPECT_EQ(result.verdict, Verdict::passed);
    EXPECT_TRUE(result.is_flaky());
    ASSERT_EQ(result.failed_attempts.size(), 2U);
    EXPECT_EQ(result.failed_attempts[0].reason, "run 1");
    EXPECT_EQ(result.failed_attempts[1].reason, "run 2");
    EXPECT_THAT(result.failed_attempts[1].log, testing::ElementsAre("run 2"));
    EXPECT_EQ(result.failed_attempts[1].brief_diagnosis, "brief run 2");
    EXPECT_EQ(result.reason, "run 3");
}

TEST(Retries, ComeToAnEnd) {
    std::size_t runs = 0;
    const TestResult result = result_of_runs(2, "fffp", runs);
    EXPECT_EQ(runs, 3U);
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_EQ(result.failed_attempts.size(), 2U);
    EXPECT_FALSE(result.is_flaky());
    EXPECT_EQ(result_of_runs(0, "fp", runs).verdict, Verdict::failed);
    EXPECT_EQ(runs, 1U);
}

TEST(Retries, OfManyOnlyTheFirstAreKeptWhole) {
    const TestResult result = run_with_retries({.asked_for = 100}, [] {
        TestResult failed;
        failed.reason = "reason";
        failed.log = {"a", "b"};
        failed.log_left_out = 1;
        failed.failures.resize(3);
        failed.measurements.resize(2);
        return failed;
    });
    ASSERT_EQ(result.failed_attempts.size(), 100U);
    const Attempt& whole = result.failed_attempts[whole_failed_attempts - 1];
    EXPECT_EQ(whole.log.size(), 2U);
    EXPECT_EQ(whole.failures.size(), 3U);
    for (std::size_t n = whole_failed_attempts; n < result.failed_attempts.size(); ++n) {
        const Attempt& attempt = result.failed_attempts[n];
        EXPECT_EQ(attempt.reason, "reason");
        EXPECT_EQ(attempt.log.size(), 0U);
        EXPECT_EQ(attempt.log_left_out, 3U);
        EXPECT_EQ(attempt.failures.size(), 1U);
        EXPECT_EQ(attempt.failures_left_out, 2U);
        EXPECT_EQ(attempt.measurements.size(), 0U);
    }
    EXPECT_EQ(result.log.size(), 2U);
}

TEST(Retries, AnInterruptedOneIsTold) {
    std::size_t runs = 0;
    const TestResult result = result_of_runs(3, "fi", runs);
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_TRUE(result.retry_interrupted);
    EXPECT_FALSE(result.interrupted);
    EXPECT_FALSE(result_of_runs(1, "ff", runs).retry_interrupted);
}

TEST(Retries, OnlyAPassUndoesAFailure) {
    std::size_t runs = 0;
    for (const char* verdicts : {"fs", "fi"}) {
        const TestResult result = result_of_runs(3, verdicts, runs);
        EXPECT_EQ(runs, 2U);
        EXPECT_EQ(result.verdict, Verdict::failed) << verdicts;
        EXPECT_EQ(result.reason, "run 1");
        EXPECT_FALSE(result.interrupted);
    }
}

/// 'e' is a failure that an emulator is known to bring about.
TestResult result_in_emulator(const Retries& retries, const std::string& verdicts) {
    std::size_t runs = 0;
    return run_with_retries(retries, [&] {
        TestResult result;
        const char verdict = verdicts.at(runs++);
        result.verdict = verdict == 'p' ? Verdict::passed : Verdict::failed;
        result.reason = verdict == 'e' ? std::string("panic: ") + channel::interrupt_while_off +
                                             " (vector 0xf1), in boot"
                                       : "failed";
        return result;
    });
}

TEST(Retries, WhatAnEmulatorIsKnownToDoIsTriedOnceMoreThere) {
    constexpr Retries emulated{.interrupts_come_twice = true};
    const TestResult flaky = result_in_emulator(emulated, "ep");
    EXPECT_TRUE(flaky.is_flaky());
    ASSERT_EQ(flaky.failed_attempts.size(), 1U);
    EXPECT_THAT(flaky.failed_attempts[0].reason, testing::HasSubstr("vector 0xf1"));

    EXPECT_EQ(result_in_emulator(emulated, "ee").verdict, Verdict::failed);
    EXPECT_EQ(result_in_emulator(emulated, "f").failed_attempts.size(), 0U);
    EXPECT_EQ(result_in_emulator({}, "e").failed_attempts.size(), 0U);
    // Whatever else says it.
    EXPECT_EQ(run_with_retries(emulated,
                               [] {
                                   TestResult result;
                                   result.reason =
                                       std::string("says ") + channel::interrupt_while_off;
                                   return result;
                               })
                  .failed_attempts.size(),
              0U);
    // Beside those that were asked for.
    constexpr Retries both{.asked_for = 1, .interrupts_come_twice = true};
    EXPECT_TRUE(result_in_emulator(both, "efp").is_flaky());
    EXPECT_TRUE(result_in_emulator(both, "fep").is_flaky());
    EXPECT_EQ(result_in_emulator(both, "eee").verdict, Verdict::failed);
    EXPECT_EQ(result_in_emulator(both, "ff").verdict, Verdict::failed);
}

TEST(Retries, OfManyFailedAttemptsOnlyTheCountsOfChecksAreKept) {
    const TestResult result = run_with_retries({.asked_for = whole_failed_attempts + 1}, [] {
        TestResult failed;
        failed.exit_value = 1;
        failed.sub_results.all = {{SubResult::Kind::pass, "a"}, {SubResult::Kind::fail, "b"}};
        failed.sub_results.counts.of = {3, 1};
        failed.sub_results.left_out = 2;
        return failed;
    });
    ASSERT_EQ(result.failed_attempts.size(), whole_failed_attempts + 1);
    const Attempt& whole = result.failed_attempts[whole_failed_attempts - 1];
    EXPECT_EQ(whole.sub_results.all.size(), 2U);
    EXPECT_EQ(whole.sub_results.left_out, 2U);
    const Attempt& cut = result.failed_attempts.back();
    EXPECT_THAT(cut.sub_results.all, testing::IsEmpty());
    EXPECT_EQ(cut.sub_results.left_out, 4U);
    EXPECT_EQ(cut.sub_results.counts.text(), "3 PASS, 1 FAIL");
    EXPECT_EQ(cut.exit_value, 1U);
    EXPECT_EQ(result.sub_results.all.size(), 2U) << "the last one is whole";
}

TEST(Retries, AnInterruptedTestIsNotRunAgain) {
    std::size_t runs = 0;
    EXPECT_TRUE(result_of_runs(3, "i", runs).interrupted);
    EXPECT_EQ(runs, 1U);
}

}  // namespace
}  // namespace nestbed::vmm
