#include "vmm/pc/debug_exit.hpp"

#include <gtest/gtest.h>

#include "tests/unit/machine/exits_by_hand.hpp"

namespace nestbed::vmm {
namespace {

class DebugExitTest : public test::ExitsByHand {
  protected:
    DebugExitTest() { exit_.register_in(exits_); }

    DebugExit exit_;
};

TEST_F(DebugExitTest, AWriteEndsTheRunWithItsValue) {
    EXPECT_EQ(exit_.value(), std::nullopt);
    const Answer answer = out(0xF4, 38, 4);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->ending, Ending::finished);
    EXPECT_EQ(answer->cpu, 3U);
    EXPECT_EQ(exit_.value(), 38U);
}

TEST_F(DebugExitTest, AZeroIsAValue) {
    EXPECT_TRUE(out(0xF4, 0, 4));
    EXPECT_EQ(exit_.value(), 0U);
}

TEST_F(DebugExitTest, TheFirstValueCounts) {
    EXPECT_TRUE(out(0xF4, 1, 4));
    EXPECT_TRUE(out(0xF4, 0, 4)) << "it is over still";
    EXPECT_EQ(exit_.value(), 1U);
}

TEST_F(DebugExitTest, AValueHasTheWidthOfItsWrite) {
    EXPECT_TRUE(out(0xF4, 0xAABB'CC00, 1));
    EXPECT_EQ(exit_.value(), 0U);
}

TEST_F(DebugExitTest, AValueMayHave32Bits) {
    EXPECT_TRUE(out(0xF4, 0xFFFF'FFFF, 4));
    EXPECT_EQ(exit_.value(), 0xFFFF'FFFFU);
}

TEST_F(DebugExitTest, ReadsEndNothing) {
    EXPECT_EQ(in(0xF4, 4), 0U);
    EXPECT_EQ(in(0xF4, 1), 0U);
    EXPECT_EQ(exit_.value(), std::nullopt);
}

TEST_F(DebugExitTest, HasFourPorts) {
    EXPECT_EQ(out(0xF3, 0)->ending, Ending::unexpected_exit);
    EXPECT_EQ(out(0xF8, 0)->ending, Ending::unexpected_exit);
    EXPECT_EQ(exit_.value(), std::nullopt);
    EXPECT_EQ(out(0xF7, 2)->ending, Ending::finished);
    EXPECT_EQ(exit_.value(), 2U);
}

TEST(ExitStatus, IsOddAndOneOfAZeroOnly) {
    EXPECT_EQ(exit_status_of(0), 1);
    EXPECT_EQ(exit_status_of(1), 3);
    EXPECT_EQ(exit_status_of(38), 77);
    EXPECT_EQ(exit_status_of(63), 127);
    EXPECT_EQ(exit_status_of(127), 255);
    EXPECT_EQ(exit_status_of(0xFFFF'FFFF), 255);
}

}  // namespace
}  // namespace nestbed::vmm
