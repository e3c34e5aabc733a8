#include "vmm/result/judge.hpp"

#include <gmock/gmock.h>

#include "samples.hpp"

namespace nestbed::vmm {
namespace {

TestResult judged(TestResult result, const Outcome& outcome = {}, const Expected& expected = {}) {
    judge(result, outcome, expected);
    return result;
}

TestResult measured(std::optional<channel::Proof> proof) {
    TestResult result = test::passed("measure_walk", "chase");
    result.measurements = {{"chase", "cycles", {}, test::histogram_of({1}), false, proof}};
    return result;
}

TEST(Judge, WithoutAnythingAmissATestHasPassed) {
    const TestResult result = judged({});
    EXPECT_EQ(result.verdict, Verdict::passed);
    EXPECT_EQ(result.reason, "");
}

TEST(Judge, TheWeightiestEvidenceCounts) {
    TestResult skipping;
    skipping.skip = "no 1 GiB pages";
    EXPECT_EQ(judged(skipping).verdict, Verdict::skipped);
    EXPECT_EQ(judged(skipping).reason, "no 1 GiB pages");
    TestResult failing = measured(channel::Proof{2, 1});
    failing.skip = skipping.skip;
    EXPECT_EQ(judged(failing).reason, "chase: 1 violation in 2 checks");
    failing.failures.resize(2);
    EXPECT_EQ(judged(failing).reason, "2 expectations failed");
    failing.violations = {"a record was lost"};
    EXPECT_EQ(judged(failing).reason, "the record channel is broken: a record was lost");
    const Outcome hung{Ending::timed_out, 0, "no end within 10 s"};
    EXPECT_EQ(judged(failing, hung).reason, "no end within 10 s");
    EXPECT_EQ(judged(failing, hung).verdict, Verdict::failed);
}

TEST(Judge, ADeathWithoutWordsIsAFailureToo) {
    EXPECT_EQ(judged({}, {Ending::panicked, 0, ""}).verdict, Verdict::failed);
}

TEST(Judge, AMeasurementCountsOnlyWithItsProof) {
    EXPECT_EQ(judged(measured({})).verdict, Verdict::passed) << "it claims nothing";
    EXPECT_EQ(judged(measured(channel::Proof{1, 0})).verdict, Verdict::passed);
    EXPECT_EQ(judged(measured(channel::Proof{1, 1})).verdict, Verdict::failed);
    const TestResult unchecked = judged(measured(channel::Proof{0, 0}));
    EXPECT_EQ(unchecked.verdict, Verdict::failed);
    EXPECT_EQ(unchecked.reason, "chase: it has no proof: nothing was checked");
}

TEST(Judge, WhatATestWasRunForMustBeThere) {
    EXPECT_EQ(judged(measured({}), {}, {"walk"}).verdict, Verdict::failed);
    EXPECT_EQ(judged(measured({}), {}, {"walk"}).reason, "the guest sent no measurement walk");
    EXPECT_EQ(judged(measured({}), {}, {"chase"}).verdict, Verdict::passed);
    TestResult skipping;
    skipping.skip = "no 1 GiB pages";
    EXPECT_EQ(judged(skipping, {}, {"walk"}).verdict, Verdict::skipped);
}

TEST(Judge, AProofThatIsOwedMustBeThere) {
    const Expected proof{.proof = true};
    EXPECT_EQ(judged(measured(channel::Proof{1, 0}), {}, proof).verdict, Verdict::passed);
    const TestResult unproved = judged(measured({}), {}, proof);
    EXPECT_EQ(unproved.verdict, Verdict::failed);
    EXPECT_EQ(unproved.reason, "chase: the guest sent no proof with it");
    EXPECT_EQ(judged(test::passed("a", "b"), {}, proof).reason, "the guest measured nothing");
    TestResult skipping;
    skipping.skip = "no 1 GiB pages";
    EXPECT_EQ(judged(skipping, {}, proof).verdict, Verdict::skipped);
}

TEST(Judge, AMeasurementOfNothingIsNone) {
    TestResult empty = measured(channel::Proof{1, 0});
    empty.measurements[0].histogram = {};
    EXPECT_EQ(judged(empty).verdict, Verdict::failed);
    EXPECT_EQ(judged(empty).reason, "chase: it has no samples");
}

// A guest that is not ours, by what it ended with.

TestResult judged_exit(std::optional<std::uint32_t> value, std::vector<SubResult> checks = {},
                       const Outcome& outcome = {Ending::finished, 0, ""}) {
    TestResult result;
    result.exit_value = value;
    for (const SubResult& check : checks) {
        result.sub_results.counts.add(check);
    }
    result.sub_results.all = std::move(checks);
    judge_exit(result, outcome);
    return result;
}

TEST(JudgeExit, AZeroIsAPass) {
    EXPECT_EQ(judged_exit(0).verdict, Verdict::passed);
    EXPECT_EQ(judged_exit(0).reason, "");
}

TEST(JudgeExit, EveryOtherValueIsNone) {
    for (std::uint32_t value = 1; value < 300; ++value) {
        const TestResult result = judged_exit(value);
        EXPECT_EQ(result.verdict, value == 38 ? Verdict::skipped : Verdict::failed) << value;
        EXPECT_NE(result.reason, "") << value;
    }
    // Of which a process's exit status would have only eight bits, and one of them is lost.
    for (const std::uint32_t value : {128U, 256U, 1U << 31, 0xFFFF'FF00U, 38U + 128, 38U + 256}) {
        EXPECT_EQ(judged_exit(value).verdict, Verdict::failed) << value;
    }
    EXPECT_EQ(judged_exit(1).reason, "the guest ended with 1 (0 is a pass)");
    EXPECT_EQ(judged_exit(0xFFFF'FFFF).reason, "the guest ended with 4294967295 (0 is a pass)");
}

TEST(JudgeExit, ASkipSaysWhy) {
    EXPECT_EQ(judged_exit(38).reason, "the guest skipped it");
    EXPECT_EQ(
        judged_exit(38, {{SubResult::Kind::skip, "no VMX"}, {SubResult::Kind::skip, "x"}}).reason,
        "the guest skipped it: no VMX");
}

TEST(JudgeExit, AnAbortionIsNamed) {
    EXPECT_EQ(judged_exit(63).reason, "the guest aborted");
    EXPECT_EQ(judged_exit(63, {{SubResult::Kind::fail, "x"}}).reason, "1 of 1 check failed: x");
}

TEST(JudgeExit, FailedChecksAreCountedAndTheFirstIsSaid) {
    const TestResult result = judged_exit(1, {{SubResult::Kind::pass, "a"},
                                              {SubResult::Kind::xfail, "b"},
                                              {SubResult::Kind::xpass, "c"},
                                              {SubResult::Kind::fail, "d"}});
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_EQ(result.reason, "2 of 4 checks failed: c");
}

TEST(JudgeExit, AFailedCheckMayBeLeftOut) {
    TestResult result;
    result.exit_value = 1;
    result.sub_results.counts.of = {1'000'000, 1};
    judge_exit(result, {Ending::finished, 0, ""});
    EXPECT_EQ(result.reason, "1 of 1000001 checks failed");
}

TEST(JudgeExit, WhoeverEndsOtherwiseHasFailedWhateverItSaid) {
    for (const Ending ending :
         {Ending::panicked, Ending::triple_fault, Ending::internal_error, Ending::entry_failed,
          Ending::unexpected_exit, Ending::host_error, Ending::timed_out, Ending::interrupted}) {
        for (const std::optional<std::uint32_t> value :
             {std::optional<std::uint32_t>(), std::optional(0U), std::optional(38U)}) {
            const TestResult result = judged_exit(value, {{SubResult::Kind::pass, "a"}},
                                                  {ending, 0, "no end within 10 s"});
            EXPECT_EQ(result.verdict, Verdict::failed) << static_cast<int>(ending);
            EXPECT_EQ(result.reason, "no end within 10 s");
        }
    }
}

TEST(JudgeExit, AnEndWithoutAValueIsAFailure) {
    const TestResult result =
        judged_exit(std::nullopt, {}, {Ending::finished, 0, "the guest has switched its PC off"});
    EXPECT_EQ(result.verdict, Verdict::failed);
    EXPECT_EQ(result.reason, "the guest has switched its PC off");
}

TEST(Judge, AParameterIsToBeLookedUpBySomeTest) {
    TestResults tests{test::passed("a", "b"), test::passed("a", "c")};
    EXPECT_FALSE(objection_to_parameters(tests));
    for (std::size_t n = 0; n < tests.size(); ++n) {
        TestResult& test = tests[n];
        test.parameters = {{"samples", 3}, {"sampels", 4}};
    }
    tests[0].asked_for = {"samples", "pages"};
    const auto objection = objection_to_parameters(tests);
    ASSERT_TRUE(objection);
    EXPECT_EQ(objection->kind(), ErrorKind::usage);
    EXPECT_STREQ(objection->what(),
                 "no test has looked up the parameter sampels; looked up: pages, samples; did "
                 "you mean samples?");
    tests[1].verdict = Verdict::failed;
    EXPECT_FALSE(objection_to_parameters(tests)) << "it may not have come to it";
    tests[1].verdict = Verdict::skipped;
    EXPECT_TRUE(objection_to_parameters(tests));
    tests[1].asked_for = {"sampels"};
    EXPECT_FALSE(objection_to_parameters(tests));
}

}  // namespace
}  // namespace nestbed::vmm
