#include "vmm/base/first_and_last.hpp"

#include <gmock/gmock.h>

namespace nestbed::vmm {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

FirstAndLast<int> numbers_to(int count, FirstAndLastCounts most) {
    FirstAndLast<int> all(most);
    for (int n = 0; n < count; ++n) {
        all.add(n);
    }
    return all;
}

TEST(FirstAndLast, KeepsAllThatFit) {
    EXPECT_THAT(numbers_to(0, {2, 2}).take(), IsEmpty());
    auto all = numbers_to(4, {2, 2});
    EXPECT_EQ(all.left_out(), 0U);
    EXPECT_THAT(all.take(), ElementsAre(0, 1, 2, 3));
}

TEST(FirstAndLast, LeavesOutTheMiddle) {
    auto all = numbers_to(10, {2, 3});
    EXPECT_EQ(all.left_out(), 5U);
    EXPECT_THAT(all.take(), ElementsAre(0, 1, 7, 8, 9));
}

TEST(FirstAndLast, HandsBackWhatGoes) {
    FirstAndLast<int> all({1, 1});
    EXPECT_EQ(all.add(1), std::nullopt);
    EXPECT_EQ(all.add(2), std::nullopt);
    EXPECT_EQ(all.add(3), 2);
}

}  // namespace
}  // namespace nestbed::vmm
