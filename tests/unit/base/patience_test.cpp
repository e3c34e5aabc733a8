#include "vmm/base/patience.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace nestbed::vmm {
namespace {

using std::chrono::milliseconds;

TEST(Patience, EndsWhenItsTimeIsUp) {
    Patience patience(milliseconds(20));
    int slices = 0;
    for (; !patience.is_over(); ++slices) {
        patience.begin_slice();
        std::this_thread::sleep_for(patience.slice());
        patience.end_slice();
    }
    EXPECT_GE(slices, 8);
    EXPECT_LT(slices, 200);
}

TEST(Patience, ALongPauseIsNotHeldAgainstAnybody) {
    // As of a process that was stopped.
    Patience patience(milliseconds(400));
    patience.begin_slice();
    std::this_thread::sleep_for(milliseconds(800));
    patience.end_slice();
    EXPECT_FALSE(patience.is_over());
}

TEST(Patience, OfNoTimeIsOver) { EXPECT_TRUE(Patience(milliseconds(0)).is_over()); }

}  // namespace
}  // namespace nestbed::vmm
