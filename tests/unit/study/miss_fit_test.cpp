// The cost of a TLB miss, fitted to curves that are known.

#include "vmm/study/walk.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace nestbed::vmm {
namespace {

std::vector<MissPoint> curve(double cost, double reach) {
    std::vector<MissPoint> points;
    for (const double n : {64, 256, 1024, 4096, 16384, 65536}) {
        points.push_back({n, cost * std::max(0.0, 1 - reach / n)});
    }
    return points;
}

TEST(MissFit, FindsCostAndReachOfAnExactCurve) {
    for (const double cost : {5.0, 40.0, 300.0}) {
        for (const double reach : {100.0, 1536.0, 3000.0}) {
            const auto fit = fit_misses(curve(cost, reach));
            ASSERT_TRUE(fit);
            EXPECT_NEAR(fit->cycles_per_miss, cost, cost / 50);
            EXPECT_NEAR(fit->reach, reach, reach / 25);
            EXPECT_LT(fit->residual, cost / 50);
        }
    }
}

TEST(MissFit, SaysHowFarACurveIsFromItsForm) {
    std::vector<MissPoint> points = curve(100, 300);
    points[3].cycles *= 0.5;
    const auto fit = fit_misses(points);
    ASSERT_TRUE(fit);
    EXPECT_GT(fit->residual, 10);
}

TEST(MissFit, CountsThePointsThatItIsMadeFrom) {
    // 64, 256 and 1024 lie within the reach; 4096, 16384 and 65536 beyond.
    const auto fit = fit_misses(curve(100, 1536));
    ASSERT_TRUE(fit);
    EXPECT_EQ(fit->points, 3U);
}

TEST(MissFit, ThereIsNoneOfTooFewPointsOrWithoutCost) {
    EXPECT_FALSE(fit_misses({}));
    EXPECT_FALSE(fit_misses({{64, 1}, {128, 2}}));
    // Any cost would fit, with another reach.
    EXPECT_FALSE(fit_misses({{64, 0}, {256, 0}, {1024, 0}, {4096, 30}}));
    EXPECT_FALSE(fit_misses({{64, 0}, {128, 0}, {256, 0}}));
    EXPECT_FALSE(fit_misses({{64, -1}, {128, -1}, {256, -1}}));
    EXPECT_FALSE(fit_misses({{1, 1}, {1, 1}, {1, 1}}));
}

}  // namespace
}  // namespace nestbed::vmm
