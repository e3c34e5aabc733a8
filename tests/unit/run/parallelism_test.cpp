// How many tests run side by side.

#include <gmock/gmock.h>

#include "vmm/run/scheduler.hpp"

namespace nestbed::vmm {
namespace {

TEST(Parallelism, JobsByDefaultAreAsManyAsTheCores) {
    EXPECT_EQ(parallelism(0).jobs, parallelism(0).slots);
    EXPECT_GE(parallelism(0).jobs, 1U);
    EXPECT_EQ(parallelism(3).jobs, 3U);
}

}  // namespace
}  // namespace nestbed::vmm
