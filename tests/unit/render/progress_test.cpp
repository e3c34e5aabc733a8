#include "vmm/render/study_text.hpp"

#include <gtest/gtest.h>

namespace nestbed::vmm {
namespace {

TEST(ProgressText, ReckonsWhatIsLeftFromWhatIsDone) {
    EXPECT_EQ(progress_text(0, 4, 0.2, "a"), "[1/4] 0 s: a") << "nothing to reckon from yet";
    EXPECT_EQ(progress_text(1, 4, 10, "b"), "[2/4] 10 s, about 30 s left: b");
    EXPECT_EQ(progress_text(3, 4, 30, "c"), "[4/4] 30 s, about 10 s left: c");
}

TEST(ProgressText, HasTheUnitThatFits) {
    EXPECT_EQ(progress_text(1, 41, 60, "a"), "[2/41] 60 s, about 40 min left: a");
    EXPECT_EQ(progress_text(1, 11, 1800, "a"), "[2/11] 30 min, about 5 h left: a");
}

}  // namespace
}  // namespace nestbed::vmm
