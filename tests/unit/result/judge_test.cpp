#include "vmm/result/judge.hpp"

#include <gmock/gmock.h>

#include "samples.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;

TestResult judged(TestResult result, const Evidence& evidence = {}) {
    judge(result, evidence);
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
    Evidence evidence{{Ending::finished, 0, ""}, {}, "no 1 GiB pages"};
    EXPECT_EQ(judged({}, evidence).verdict, Verdict::skipped);
    EXPECT_EQ(judged({}, evidence).reason, "no 1 GiB pages");
    TestResult failing = measured(channel::Proof{2, 1});
    EXPECT_EQ(judged(failing, evidence).reason, "chase: 1 violation in 2 checks");
    failing.failures.resize(2);
    EXPECT_EQ(judged(failing, evidence).reason, "2 expectations failed");
    evidence.channel_violations = {"a record was lost"};
    EXPECT_EQ(judged(failing, evidence).reason, "the record channel is broken: a record was lost");
    evidence.outcome = {Ending::timed_out, 0, "no end within 10 s"};
    EXPECT_EQ(judged(failing, evidence).reason, "no end within 10 s");
    EXPECT_EQ(judged(failing, evidence).verdict, Verdict::failed);
}

TEST(Judge, ADeathWithoutWordsIsAFailureToo) {
    EXPECT_EQ(judged({}, {{Ending::panicked, 0, ""}, {}, {}}).verdict, Verdict::failed);
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
    const Evidence evidence{{}, {}, {}, "walk"};
    EXPECT_EQ(judged(measured({}), evidence).verdict, Verdict::failed);
    EXPECT_EQ(judged(measured({}), evidence).reason, "the guest sent no measurement walk");
    EXPECT_EQ(judged(measured({}), {{}, {}, {}, "chase"}).verdict, Verdict::passed);
    EXPECT_EQ(judged({}, {{}, {}, "no 1 GiB pages", "walk"}).verdict, Verdict::skipped);
}

TEST(Judge, AParameterIsToBeLookedUpBySomeTest) {
    std::vector<TestResult> tests{test::passed("a", "b"), test::passed("a", "c")};
    EXPECT_FALSE(objection_to_parameters(tests));
    for (TestResult& test : tests) {
        test.parameters = {{"samples", 3}, {"sampels", 4}};
    }
    tests[0].asked_for = {"samples", "pages"};
    const auto objection = objection_to_parameters(tests);
    ASSERT_TRUE(objection);
    EXPECT_EQ(objection->kind(), ErrorKind::usage);
    EXPECT_STREQ(objection->what(),
                 "no test has looked up the parameter sampels; looked up: pages, samples");
    tests[1].verdict = Verdict::failed;
    EXPECT_FALSE(objection_to_parameters(tests)) << "it may not have come to it";
    tests[1].verdict = Verdict::skipped;
    EXPECT_TRUE(objection_to_parameters(tests));
    tests[1].asked_for = {"sampels"};
    EXPECT_FALSE(objection_to_parameters(tests));
}

}  // namespace
}  // namespace nestbed::vmm
