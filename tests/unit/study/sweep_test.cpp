// In which order combinations are measured, and what becomes of their repetitions.

#include "vmm/study/sweep.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <map>

#include "runs.hpp"
#include "vmm/result/measurements.hpp"

namespace nestbed::vmm {
namespace {

using test::measured;
using test::point_at;
using test::run_at;
using test::study_with;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Point> three_points() {
    return points_of(study_with("shootdown"), {{"--pages", "1,2,4"}, {"--target", "user"}});
}

/// "1.1 2.1": pages and repetition.
std::vector<std::string> order_of(const std::vector<SweepStep>& steps) {
    std::vector<std::string> order;
    for (const SweepStep& step : steps) {
        order.push_back(fmt::format("{}.{}", (*step.point)["pages"], step.repetition));
    }
    return order;
}

TEST(Sweep, InterleavedMeasuresAllOnceBeforeAnyAgain) {
    const std::vector<Point> points = three_points();
    EXPECT_THAT(order_of(steps_of(points, {.repeat = 2})),
                ElementsAre("1.1", "2.1", "4.1", "1.2", "2.2", "4.2"));
}

TEST(Sweep, BlockedMeasuresAllRepetitionsTogether) {
    const std::vector<Point> points = three_points();
    EXPECT_THAT(order_of(steps_of(points, {.repeat = 2, .order = SweepOrder::blocked})),
                ElementsAre("1.1", "1.2", "2.1", "2.2", "4.1", "4.2"));
}

TEST(Sweep, RandomHasEachOnceInAnOrderOfItsSeed) {
    const std::vector<Point> points = three_points();
    const auto order = [&](std::uint64_t seed) {
        return order_of(steps_of(points, {.repeat = 9, .order = SweepOrder::random, .seed = seed}));
    };
    EXPECT_EQ(order(1), order(1));
    EXPECT_NE(order(1), order(2));
    std::vector<std::string> all = order(3);
    std::ranges::sort(all);
    EXPECT_TRUE(std::ranges::adjacent_find(all) == all.end());
    EXPECT_EQ(all.size(), 27U);
}

StudyRun repetition(std::uint64_t n, std::initializer_list<std::uint64_t> cycles) {
    StudyRun run = run_at(point_at("shootdown", {{"--pages", "1"}, {"--target", "user"}}),
                          {measured("shootdown", cycles)});
    run.test.repetition = n;
    run.test.study = "shootdown";
    run.test.inputs = run.point.inputs();
    return run;
}

TEST(Sweep, RepetitionsAreOneRowWithAllTheirSamples) {
    const Study& study = study_with("shootdown");
    StudyRun failed = repetition(3, {9});
    failed.test.verdict = Verdict::failed;
    const StudyRuns all =
        merged(study, {repetition(1, {2, 4}), repetition(2, {6}), failed, repetition(4, {8})});
    ASSERT_EQ(all.size(), 2U);
    EXPECT_EQ(all[0].test.measurements[0].histogram.count(), 4U);
    EXPECT_EQ(all[0].test.measurements[0].histogram.max(), 8U);
    EXPECT_EQ(all[1].test.verdict, Verdict::failed);
}

TEST(Sweep, WhatAddsUpOfRepetitionsIsAddedUp) {
    const auto run_with = [](std::uint64_t n, std::uint64_t stolen) {
        StudyRun run = repetition(n, {2, 4});
        run.test.measurements[0].parameters = {{"stolen_from", stolen, true},
                                               {"empty_pair", std::uint64_t{30}, true}};
        run.test.measurements[0].proof = channel::Proof{10 * n, 0};
        run.test.kvm_counts = {n, n, {{"exits", static_cast<double>(n)}}, ""};
        run.test.seconds = 1;
        return run;
    };
    const StudyRuns all = merged(study_with("shootdown"), {run_with(1, 2), run_with(3, 1)});
    const MeasurementEvent& event = all[0].test.measurements[0];
    EXPECT_EQ(number_named(event, "stolen_from"), 3);
    EXPECT_EQ(number_named(event, "empty_pair"), 30);
    EXPECT_EQ(event.proof->checks, 40U);
    EXPECT_EQ(all[0].test.kvm_counts.operations, 4U);
    EXPECT_DOUBLE_EQ(all[0].test.kvm_counts.counts[0].per_operation, 2.5);
    EXPECT_DOUBLE_EQ(all[0].test.seconds, 2);
    EXPECT_EQ(event.warnings.at(1).mark, "75 % stolen") << "3 of 4 samples";
}

TEST(Sweep, WhereNothingWasStolenAllSamplesAreThoseWithoutSteal) {
    const Study& study = study_with("shootdown");
    const StudyRun calm = repetition(1, {2, 4});
    StudyRun disturbed = repetition(2, {6, 8});
    disturbed.test.measurements.push_back(measured("shootdown without steal", {6}));
    relate(study, disturbed);
    for (const StudyRuns& runs : {StudyRuns{calm, disturbed}, StudyRuns{disturbed, calm}}) {
        const StudyRuns all = merged(study, runs);
        ASSERT_EQ(all[0].test.measurements.size(), 2U);
        EXPECT_EQ(all[0].test.measurements[0].histogram.count(), 4U);
        EXPECT_EQ(all[0].test.measurements[1].histogram.count(), 3U);
    }
    EXPECT_EQ(merged(study, {calm, calm})[0].test.measurements.size(), 1U);
}

TEST(Sweep, WhatWasMeasuredBeforeIsFoundByItsInputsAndRepetition) {
    const std::vector<Point> points =
        points_of(study_with("shootdown"), {{"--pages", "1,2"}, {"--target", "user"}});
    const auto steps = steps_of(points, {.repeat = 2, .order = SweepOrder::blocked});
    const auto found = runs_found(study_with("shootdown"), steps, {repetition(2, {3, 3, 3}).test});
    ASSERT_EQ(found.size(), 4U);
    EXPECT_FALSE(found[0] || found[2] || found[3]);
    ASSERT_TRUE(found[1]);
    EXPECT_EQ(found[1]->test.measurements[0].histogram.count(), 3U);
    EXPECT_EQ(found[1]->test.point, points[0].text());
    EXPECT_FALSE(found[1]->test.measurements[0].warnings.empty()) << "3 samples";
}

TEST(Sweep, WhatIsOfAnotherSweepIsRefused) {
    const std::vector<Point> points = three_points();
    const auto refusal = [&](const TestResult& other) -> std::string {
        try {
            static_cast<void>(
                runs_found(study_with("shootdown"), steps_of(points, {.repeat = 2}), {other}));
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(refusal(repetition(2, {1}).test), "");
    EXPECT_THAT(refusal(repetition(3, {1}).test), HasSubstr("of other combinations"));
    TestResult more_samples = repetition(1, {1}).test;
    // In no id, but another measurement all the same.
    std::ranges::find(more_samples.inputs, "samples", &MeasurementParameter::name)->value =
        std::uint64_t{77};
    EXPECT_THAT(refusal(more_samples), HasSubstr("of other combinations"));
}

}  // namespace
}  // namespace nestbed::vmm
