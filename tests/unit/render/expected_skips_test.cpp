#include "vmm/render/expected_skips.hpp"

#include <gmock/gmock.h>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TestResult test_named(const std::string& name, Verdict verdict, const std::string& reason = "") {
    TestResult test;
    test.suite = "flush";
    test.name = name;
    test.verdict = verdict;
    test.reason = reason;
    return test;
}

ResultFile results_of(const std::string& paging, std::vector<TestResult> tests,
                      const std::string& emulator = "") {
    ResultFile file;
    file.environment = "machine";
    file.host.paging = paging;
    if (!emulator.empty()) {
        file.host.emulated.emplace().emulator = emulator;
    }
    file.tests = std::move(tests);
    return file;
}

const ExpectedSkips expected{.environments = {"pvm", "npt in QEMU"},
                             .planted_bugs = {"flush.a_bug_*"},
                             .skips = {{"flush.by_invpcid*", "no INVPCID", {"pvm"}},
                                       {"flush.a_bug_*", "nothing stays stale*", {"pvm"}}}};

const TestResult bug_seen = test_named("a_bug_is_seen", Verdict::passed);
const TestResult bug_skipped =
    test_named("a_bug_is_seen", Verdict::skipped, "nothing stays stale here");
const TestResult invpcid_skipped = test_named("by_invpcid", Verdict::skipped, "no INVPCID");

SkipJudgement judge(const ResultFile& results, const ExpectedSkips& list = expected) {
    return judge_skips(list, {&results, 1});
}

TEST(ExpectedSkips, AreNoFaults) {
    const SkipJudgement judgement = judge(results_of("pvm", {invpcid_skipped, bug_skipped}));
    EXPECT_THAT(judgement.faults, IsEmpty());
    EXPECT_THAT(judgement.remarks, IsEmpty());
}

TEST(ExpectedSkips, ASkipThatIsNotListedIsAFault) {
    EXPECT_THAT(
        judge(results_of("npt", {invpcid_skipped, bug_seen}, "QEMU 7.2")).faults,
        ElementsAre("machine: flush.by_invpcid was skipped, which is not expected of npt in QEMU: "
                    "no INVPCID"));
}

TEST(ExpectedSkips, ASkipForAnotherReasonIsAFault) {
    const TestResult other = test_named("by_invpcid", Verdict::skipped, "no memory");
    EXPECT_THAT(judge(results_of("pvm", {other, bug_skipped})).faults,
                ElementsAre(HasSubstr("no memory")));
}

TEST(ExpectedSkips, AListedSkipThatDidNotHappenIsRemarked) {
    const SkipJudgement judgement =
        judge(results_of("pvm", {test_named("by_invpcid", Verdict::passed), bug_skipped}));
    EXPECT_THAT(judgement.faults, IsEmpty());
    EXPECT_THAT(judgement.remarks,
                ElementsAre("machine: flush.by_invpcid* was not skipped, though it is listed for "
                            "pvm"));
}

TEST(ExpectedSkips, ASkipThatHappensAtTimesNeedNot) {
    ExpectedSkips list = expected;
    list.skips[0].at_times = {"pvm"};
    const TestResult invpcid_passed = test_named("by_invpcid", Verdict::passed);
    for (const TestResult& test : {invpcid_skipped, invpcid_passed}) {
        const SkipJudgement judgement = judge(results_of("pvm", {test, bug_skipped}), list);
        EXPECT_THAT(judgement.faults, IsEmpty());
        EXPECT_THAT(judgement.remarks, IsEmpty());
    }
}

TEST(ExpectedSkips, AtTimesIsSaidOfAnEnvironmentAndNotOfAnother) {
    ExpectedSkips list = expected;
    list.skips[0].environments = {"pvm", "npt in QEMU"};
    list.skips[0].at_times = {"npt in QEMU"};
    const TestResult passed = test_named("by_invpcid", Verdict::passed);
    EXPECT_THAT(judge(results_of("pvm", {passed, bug_skipped}), list).remarks,
                ElementsAre(HasSubstr("flush.by_invpcid* was not skipped")));
    EXPECT_THAT(judge(results_of("npt", {passed, bug_seen}, "QEMU 7.2"), list).remarks, IsEmpty());
}

TEST(ExpectedSkips, OfAnUnknownEnvironmentNothingIsExpected) {
    const SkipJudgement judgement = judge(results_of("npt", {invpcid_skipped, bug_skipped}));
    EXPECT_THAT(judgement.faults, IsEmpty());
    EXPECT_THAT(judgement.remarks, ElementsAre(HasSubstr("machine is npt, of which")));
}

TEST(ExpectedSkips, APlantedBugIsSeenInOneEnvironmentAtLeast) {
    ExpectedSkips list = expected;
    list.skips[1].environments = {"pvm", "npt in QEMU"};
    EXPECT_THAT(judge(results_of("pvm", {invpcid_skipped, bug_skipped}), list).faults,
                ElementsAre("flush.a_bug_is_seen may be skipped in each environment: nothing sees "
                            "this bug"));
}

TEST(ExpectedSkips, APlantedBugThatIsMissedAtTimesMayBeSkippedThere) {
    const ExpectedSkips list = expected_skips_from(
        R"({"environments": ["pvm", "npt in QEMU"], "planted_bugs": ["flush.a_bug_*"],
            "skips": [{"tests": "flush.a_bug_*", "reason": "nothing stays stale*",
                       "in": ["pvm"], "at_times_in": ["npt in QEMU"]}]})",
        "list");
    EXPECT_THAT(judge(results_of("npt", {bug_seen}, "QEMU 7.2"), list).faults,
                ElementsAre("flush.a_bug_is_seen may be skipped in each environment: nothing sees "
                            "this bug"));
}

TEST(ExpectedSkips, APlantedBugIsNotForgotten) {
    EXPECT_THAT(judge(results_of("pvm", {invpcid_skipped})).faults,
                ElementsAre("no test is called flush.a_bug_*, which is to see a planted bug"));
}

TEST(ExpectedSkips, AreReadFromAList) {
    const ExpectedSkips list = expected_skips_from(
        R"({"environments": ["pvm"], "planted_bugs": ["a"],
            "skips": [{"tests": "b", "reason": "c", "in": ["pvm"]}]})",
        "list");
    EXPECT_THAT(list.environments, ElementsAre("pvm"));
    EXPECT_THAT(list.planted_bugs, ElementsAre("a"));
    ASSERT_EQ(list.skips.size(), 1U);
    EXPECT_EQ(list.skips[0].tests, "b");
    EXPECT_EQ(list.skips[0].reason, "c");
    EXPECT_THAT(list.skips[0].environments, ElementsAre("pvm"));
    EXPECT_THAT(list.skips[0].at_times, IsEmpty());
}

TEST(ExpectedSkips, WhatHappensAtTimesIsReadFromAList) {
    const ExpectedSkips list = expected_skips_from(
        R"({"environments": ["pvm", "npt"], "planted_bugs": [],
            "skips": [{"tests": "a", "reason": "b", "in": ["pvm"], "at_times_in": ["npt"]},
                      {"tests": "c", "reason": "d", "at_times_in": ["npt"]}]})",
        "list");
    ASSERT_EQ(list.skips.size(), 2U);
    EXPECT_THAT(list.skips[0].environments, ElementsAre("pvm", "npt"));
    EXPECT_THAT(list.skips[0].at_times, ElementsAre("npt"));
    EXPECT_THAT(list.skips[1].environments, ElementsAre("npt"));
    EXPECT_THAT(list.skips[1].at_times, ElementsAre("npt"));
}

TEST(ExpectedSkips, AWrongListIsNamed) {
    for (const char* text :
         {"", "[]", R"({"environments": []})",
          R"({"environments": ["pvm"], "planted_bugs": [], "skips": [{"tests": "b"}]})",
          R"({"environments": ["pvm"], "planted_bugs": [],
              "skips": [{"tests": "b", "reason": "c"}]})",
          R"({"environments": ["pvm"], "planted_bugs": [],
              "skips": [{"tests": "b", "reason": "c", "in": ["pmv"]}]})",
          R"({"environments": ["pvm"], "planted_bugs": [],
              "skips": [{"tests": "b", "reason": "c", "at_times_in": ["pmv"]}]})"}) {
        try {
            expected_skips_from(text, "some/list");
            ADD_FAILURE() << text;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::input);
            EXPECT_THAT(error.what(), HasSubstr("some/list"));
        }
    }
}

}  // namespace
}  // namespace nestbed::vmm
