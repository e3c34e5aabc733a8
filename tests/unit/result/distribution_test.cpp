#include "vmm/result/measurements.hpp"

#include <gtest/gtest.h>

#include "tests/unit/result/samples.hpp"

namespace nestbed::vmm {
namespace {

TEST(Distribution, OfNothingIsZero) {
    const Distribution d = distribution_of({});
    EXPECT_EQ(d.count, 0U);
    EXPECT_EQ(d.min, 0U);
    EXPECT_EQ(d.max, 0U);
    EXPECT_EQ(d.stddev, 0);
}

TEST(Distribution, OfSmallValuesIsExact) {
    const Distribution d = distribution_of(test::histogram_of({2, 4, 4, 4, 5, 5, 7, 9}));
    EXPECT_EQ(d.count, 8U);
    EXPECT_EQ(d.min, 2U);
    EXPECT_EQ(d.mean, 5U);
    EXPECT_EQ(d.p50, 4U);
    EXPECT_EQ(d.max, 9U);
    EXPECT_DOUBLE_EQ(d.stddev, 2);
}

TEST(Distribution, ExtremesAreExact) {
    const Distribution d = distribution_of(test::histogram_of({1'000'003, 1'000'007}));
    EXPECT_EQ(d.min, 1'000'003U);
    EXPECT_EQ(d.max, 1'000'007U);
}

TEST(Distribution, OfEqualValuesHasNoSpread) {
    const Distribution d = distribution_of(test::histogram_of({1'000'003, 1'000'003}));
    EXPECT_EQ(d.p50, 1'000'003U);
    EXPECT_EQ(d.p999, 1'000'003U);
    EXPECT_EQ(d.stddev, 0);
}

TEST(Distribution, CyclesBecomeMicroseconds) { EXPECT_DOUBLE_EQ(microseconds(5200, 2'600'000), 2); }

}  // namespace
}  // namespace nestbed::vmm
