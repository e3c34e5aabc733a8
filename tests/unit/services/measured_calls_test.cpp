// Writes that must arrive each once and in their order.

#include <gtest/gtest.h>

#include <initializer_list>

#include "vmm/services/measured_calls.hpp"

namespace nestbed::vmm {
namespace {

std::uint32_t arrived(std::initializer_list<std::uint32_t> values) {
    NumberedWrites writes;
    for (const std::uint32_t value : values) {
        writes.add(value);
    }
    return writes.arrived();
}

TEST(NumberedWrites, AreCountedInTheirOrder) {
    EXPECT_EQ(arrived({}), 0U);
    EXPECT_EQ(arrived({0, 1, 2, 3}), 4U);
}

TEST(NumberedWrites, StayWhereOneIsLostDoubledOrLate) {
    EXPECT_EQ(arrived({1, 2}), 0U);
    EXPECT_EQ(arrived({0, 2, 3}), 1U);
    EXPECT_EQ(arrived({0, 1, 1, 2, 3}), 2U);
    EXPECT_EQ(arrived({0, 2, 1, 2, 3}), 1U);
}

}  // namespace
}  // namespace nestbed::vmm
