// What is made of the samples of a pointer chase: figures, what the model makes of them, the table.

#include "vmm/study/walk.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "runs.hpp"

namespace nestbed::vmm {
namespace {

using testing::DoubleEq;
using testing::HasSubstr;
using testing::Not;
using testing::Optional;

constexpr std::uint64_t accesses = 1000;

MeasurementEvent chase_of(const char* name, std::uint64_t cycles_per_access) {
    return {name,
            "cycles",
            {{"accesses", accesses}},
            test::histogram_of({cycles_per_access * accesses})};
}

struct Cycles {
    std::uint64_t guest, guest_packed, process, process_packed;
};

/// Counts over a million accesses, of so many each.
constexpr std::uint64_t million = 1'000'000;
WalkCounts counts_of(double references, double misses = 0) {
    WalkCounts counts{.accesses = million};
    counts.misses = static_cast<std::uint64_t>(misses * million);
    counts.guest[1] = static_cast<std::uint64_t>(references * million);
    return counts;
}

/// A row of which the model says so many references per access for guest and process.
StudyRun row(const Cycles& cycles, double guest_references, double process_references,
             const char* working_set = "16M", const char* pattern = "random",
             const char* cpus = "1", double guest_misses = 0) {
    StudyRun run = test::run_at(test::point_at("walk", {{"--guest-leaf", "4k"},
                                                        {"--backing", "anon"},
                                                        {"--working-set", working_set},
                                                        {"--pattern", pattern},
                                                        {"--cpus", cpus}}),
                                {chase_of(measurement::chase, cycles.guest),
                                 chase_of(measurement::packed_chase, cycles.guest_packed),
                                 chase_of(measurement::host_chase, cycles.process),
                                 chase_of(measurement::packed_host_chase, cycles.process_packed)});
    add_findings(run.test, {.guest = counts_of(guest_references, guest_misses),
                            .host = counts_of(process_references)});
    return run;
}

TEST(WalkFigures, AreMediansPerAccess) {
    const auto figures = figures_of(row({70, 10, 40, 12}, 2, 1));
    ASSERT_TRUE(figures);
    EXPECT_DOUBLE_EQ(figures->guest, 70);
    EXPECT_THAT(figures->guest_translation, Optional(DoubleEq(60)));
    EXPECT_THAT(figures->host_translation, Optional(DoubleEq(28)));
}

TEST(WalkFigures, ThereAreNoneOfATestThatFailedOrLacksAChase) {
    StudyRun failed = row({70, 10, 40, 12}, 2, 1);
    failed.test.verdict = Verdict::failed;
    EXPECT_FALSE(figures_of(failed));
    StudyRun incomplete = row({70, 10, 40, 12}, 2, 1);
    incomplete.test.measurements.pop_back();
    EXPECT_FALSE(figures_of(incomplete));
    StudyRun not_modelled = row({70, 10, 40, 12}, 2, 1);
    not_modelled.test.measurements[0].parameters.pop_back();
    EXPECT_FALSE(figures_of(not_modelled));
}

std::vector<std::string> marks_beside(const Cycles& cycles, const char* pattern) {
    StudyRun run = row(cycles, 2, 1, "16M", pattern);
    relate(test::study_with("walk"), run);
    std::vector<std::string> marks;
    for (const MeasurementEvent& event : run.test.measurements) {
        for (const Warning& warning : event.warnings) {
            if (warning.kind == Warning::Kind::not_measurable) {
                marks.push_back(event.name);
            }
        }
    }
    return marks;
}

TEST(WalkFigures, ADifferenceWithinHalfABucketIsNotMeasurable) {
    EXPECT_THAT(measurable_difference(100, 90), Optional(DoubleEq(10)));
    EXPECT_FALSE(measurable_difference(100, 99));
    EXPECT_FALSE(measurable_difference(90, 100));
    EXPECT_THAT(marks_beside({100, 99, 40, 12}, "random"), testing::ElementsAre("chase"));
    EXPECT_THAT(marks_beside({100, 10, 12, 40}, "random"), testing::ElementsAre("host chase"));
    EXPECT_THAT(marks_beside({100, 10, 40, 12}, "random"), testing::IsEmpty());
    EXPECT_THAT(marks_beside({100, 99, 12, 40}, "strided"), testing::IsEmpty())
        << "where no difference is shown";
}

TEST(ModelledTranslation, IsTheReferencesAtWhatTheyCostTheProcess) {
    EXPECT_THAT(figures_of(row({70, 10, 40, 10}, 6, 2))->modelled, Optional(DoubleEq(90)));
}

TEST(ModelledTranslation, IsNotMadeOfNothing) {
    for (const StudyRun& run : {row({70, 10, 10, 10}, 6, 2), row({70, 10, 40, 10}, 6, 0)}) {
        EXPECT_FALSE(figures_of(run)->modelled);
    }
}

/// A reach of 1,024 pages, 100 cycles and one reference per miss; or no misses at all.
StudyRuns curve(const char* pattern = "random", const char* cpus = "1", bool misses = true) {
    StudyRuns runs;
    for (const std::uint64_t mib : {4U, 16U, 64U, 256U}) {
        const double share = 1 - 1024 / static_cast<double>(mib << 8);
        const auto cycles = static_cast<std::uint64_t>(100 * share);
        const std::string size = fmt::format("{}M", mib);
        runs.push_back(row({10 + cycles, 10, 40, 10}, share, share, size.c_str(), pattern, cpus,
                           misses ? share : 0));
    }
    return runs;
}

TEST(MissCurves, LeaveOutWhereAMissTakesMoreReferences) {
    StudyRuns runs = curve();
    runs.push_back(row({5000, 10, 40, 10}, 2, 2, "1G", "random", "1", 1));
    // In whichever order they were asked for.
    for (int turn = 0; turn < 2; ++turn) {
        const std::vector<MissCurve> curves = miss_curves(runs);
        ASSERT_EQ(curves.size(), 1U);
        EXPECT_NEAR(curves[0].fit.cycles_per_miss, 100, 3);
        std::ranges::reverse(runs);
    }
}

TEST(MissCurves, ThereAreNoneWithoutMissesOrInAscendingOrder) {
    EXPECT_TRUE(miss_curves(curve("random", "1", /*misses=*/false)).empty());
    EXPECT_TRUE(miss_curves(curve("strided")).empty());
}

TEST(MissCurves, AreOfRowsThatDifferInTheirWorkingSetsOnly) {
    StudyRuns runs = curve();
    std::ranges::copy(curve("random", "2"), std::back_inserter(runs));
    const std::vector<MissCurve> curves = miss_curves(runs);
    ASSERT_EQ(curves.size(), 2U);
    EXPECT_EQ(curves[1].point["cpus"], 2U);
    EXPECT_NEAR(curves[0].fit.cycles_per_miss, 100, 3);
    EXPECT_NEAR(curves[0].fit.reach, 1024, 60);
}

// The study's text.

std::string text_of(const StudyRun& run) { return study_text(test::study_with("walk"), {run}); }

TEST(WalkText, NamesRowsThatTheModelDoesNotExplain) {
    const std::string explained = text_of(row({100, 10, 40, 10}, 6, 2));
    EXPECT_THAT(explained, HasSubstr("1.00"));
    EXPECT_THAT(explained, Not(HasSubstr("!")));
    const std::string off = text_of(row({190, 10, 40, 10}, 6, 2));
    EXPECT_THAT(off, HasSubstr("working set 16 MiB: 2.00 times"));
    EXPECT_THAT(off, HasSubstr("! more than 1.5 times"));
    EXPECT_THAT(text_of(row({40, 10, 40, 10}, 6, 2)), HasSubstr(": 0.33 times"));
}

TEST(WalkText, StridedRowsHaveNoTranslation) {
    const StudyRun strided = row({70, 10, 40, 12}, 2, 1, "16M", "strided");
    EXPECT_THAT(text_of(row({70, 10, 40, 12}, 2, 1)), HasSubstr(" 60.0 "));
    EXPECT_THAT(text_of(strided), Not(HasSubstr(" 60.0 ")));
    EXPECT_FALSE(figures_of(strided)->modelled);
}

}  // namespace
}  // namespace nestbed::vmm
