// What is made of the samples of a pointer chase: figures, what the model makes of them, the table.

#include "vmm/study/walk_table.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

using testing::HasSubstr;
using testing::Not;

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

/// A row of which the model says so many references per access for guest and process.
WalkResult row(const Cycles& cycles, double guest_references, double process_references,
               std::uint64_t working_set = 16 << 20) {
    WalkResult result;
    result.combination.working_set = working_set;
    result.test.verdict = Verdict::passed;
    result.test.measurements = {chase_of(measurement::chase, cycles.guest),
                                chase_of(measurement::packed_chase, cycles.guest_packed),
                                chase_of(measurement::host_chase, cycles.process),
                                chase_of(measurement::packed_host_chase, cycles.process_packed)};
    result.findings.emplace();
    result.findings->guest.guest = guest_references;
    result.findings->host.guest = process_references;
    return result;
}

TEST(WalkFigures, AreMediansPerAccess) {
    const auto figures = figures_of(row({70, 10, 40, 12}, 2, 1));
    ASSERT_TRUE(figures);
    EXPECT_DOUBLE_EQ(figures->guest, 70);
    EXPECT_DOUBLE_EQ(figures->guest_translation(), 60);
    EXPECT_DOUBLE_EQ(figures->host_translation(), 28);
}

TEST(WalkFigures, ThereAreNoneOfATestThatFailedOrLacksAChase) {
    WalkResult failed = row({70, 10, 40, 12}, 2, 1);
    failed.test.verdict = Verdict::failed;
    EXPECT_FALSE(figures_of(failed));
    WalkResult incomplete = row({70, 10, 40, 12}, 2, 1);
    incomplete.test.measurements.pop_back();
    EXPECT_FALSE(figures_of(incomplete));
}

TEST(ModelledTranslation, IsTheReferencesAtWhatTheyCostTheProcess) {
    const WalkResult result = row({70, 10, 40, 10}, 6, 2);
    const auto modelled = modelled_translation(result, *figures_of(result));
    ASSERT_TRUE(modelled);
    EXPECT_DOUBLE_EQ(*modelled, 90);
}

TEST(ModelledTranslation, IsNotMadeOfNothing) {
    for (const WalkResult& result : {row({70, 10, 10, 10}, 6, 2), row({70, 10, 40, 10}, 6, 0)}) {
        EXPECT_FALSE(modelled_translation(result, *figures_of(result)));
    }
}

TEST(WalkTable, MarksRowsThatTheModelDoesNotExplain) {
    const std::string explained = walk_table({row({100, 10, 40, 10}, 6, 2)});
    EXPECT_THAT(explained, HasSubstr("1.00"));
    EXPECT_THAT(explained, Not(HasSubstr("!")));
    const std::string off = walk_table({row({190, 10, 40, 10}, 6, 2)});
    EXPECT_THAT(off, HasSubstr("2.00 !"));
    EXPECT_THAT(off, HasSubstr("! more than 1.5 times"));
    EXPECT_THAT(walk_table({row({40, 10, 40, 10}, 6, 2)}), HasSubstr("0.33 !"));
}

TEST(WalkTable, SaysOnceWhatIsSkippedForTheSameReason) {
    std::vector<WalkResult> results;
    for (const std::uint64_t working_set : {1 << 20, 2 << 20, 4 << 20}) {
        WalkResult skipped = row({}, 0, 0, working_set);
        skipped.test.verdict = Verdict::skipped;
        skipped.test.measurements.clear();
        skipped.test.reason = "no such page";
        results.push_back(skipped);
    }
    EXPECT_EQ(
        walk_table(results),
        "skipped: guest leaf 4k, backing anon, working set 1 MiB, random, 1 vCPU, and 2 more: "
        "no such page\n");
}

/// A reach of 1,024 pages, 100 cycles and one reference per miss.
std::vector<WalkResult> curve() {
    std::vector<WalkResult> results;
    for (const std::uint64_t mib : {4, 16, 64, 256}) {
        const double share = 1 - 1024 / static_cast<double>(mib << 8);
        const auto cycles = static_cast<std::uint64_t>(100 * share);
        results.push_back(row({10 + cycles, 10, 40, 10}, share, share, mib << 20));
        results.back().findings->guest.misses = share;
    }
    return results;
}

TEST(MissCurves, LeaveOutWhereAMissTakesMoreReferences) {
    std::vector<WalkResult> results = curve();
    results.push_back(row({5000, 10, 40, 10}, 2, 2, 1 << 30));
    results.back().findings->guest.misses = 1;
    // In whichever order they were asked for.
    for (int turn = 0; turn < 2; ++turn) {
        const std::vector<MissCurve> curves = miss_curves(results);
        ASSERT_EQ(curves.size(), 1U);
        EXPECT_NEAR(curves[0].fit.cycles_per_miss, 100, 3);
        std::ranges::reverse(results);
    }
}

TEST(MissCurves, ThereAreNoneWithoutMissesOrInAscendingOrder) {
    std::vector<WalkResult> without = curve();
    std::vector<WalkResult> strided = curve();
    for (std::size_t n = 0; n < without.size(); ++n) {
        without[n].findings->guest.misses = 0;
        strided[n].combination.pattern = chase::Pattern::strided;
    }
    EXPECT_TRUE(miss_curves(without).empty());
    EXPECT_TRUE(miss_curves(strided).empty());
}

TEST(WalkTable, StridedRowsHaveNoTranslation) {
    WalkResult strided = row({70, 10, 40, 12}, 2, 1);
    EXPECT_TRUE(modelled_translation(strided, *figures_of(strided)));
    EXPECT_THAT(walk_table({strided}), HasSubstr(" 60.0 "));
    strided.combination.pattern = chase::Pattern::strided;
    EXPECT_FALSE(modelled_translation(strided, *figures_of(strided)));
    EXPECT_THAT(walk_table({strided}), Not(HasSubstr(" 60.0 ")));
}

TEST(MissCurves, AreOfRowsThatDifferInTheirWorkingSetsOnly) {
    std::vector<WalkResult> results = curve();
    for (const WalkResult& result : curve()) {
        results.push_back(result);
        results.back().combination.cpus = 2;
    }
    const std::vector<MissCurve> curves = miss_curves(results);
    ASSERT_EQ(curves.size(), 2U);
    EXPECT_EQ(curves[1].combination.cpus, 2U);
    EXPECT_NEAR(curves[0].fit.cycles_per_miss, 100, 3);
    EXPECT_NEAR(curves[0].fit.reach, 1024, 60);
}

}  // namespace
}  // namespace nestbed::vmm
