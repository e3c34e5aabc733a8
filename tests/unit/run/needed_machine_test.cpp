#include "vmm/run/needed_machine.hpp"

#include <gtest/gtest.h>

namespace nestbed::vmm {
namespace {

constexpr std::uint64_t mib = 1 << 20;
constexpr std::uint64_t without_end_of_memory = ~std::uint64_t{0};

GuestTest test_with(const channel::TestNeeds& needs) {
    return {"suite", "test", "file.cpp", 1, 0, needs};
}

std::uint64_t needed(const channel::TestNeeds& needs) {
    return host_memory_of(test_with(needs), TestSettings());
}

TEST(NeededMemory, IsAllThatTheVmMayTake) {
    const std::uint64_t little = needed({});
    EXPECT_GE(little, 64 * mib);
    EXPECT_EQ(needed({.memory = 128 * mib}), little + 64 * mib);
    EXPECT_EQ(needed({.test_memory = 2 * mib}), little + 2 * mib);
    EXPECT_EQ(needed({.test_memory = 1}), little + 2 * mib) << "in whole pieces";
}

TEST(NeededMemory, HasNoEndWhereNothingCouldBeEnough) {
    for (const std::uint64_t bytes : {std::uint64_t{1} << 42, ~std::uint64_t{0},
                                      ~std::uint64_t{0} - 2 * mib, std::uint64_t{1} << 63}) {
        EXPECT_EQ(needed({.memory = bytes}), without_end_of_memory) << bytes;
        EXPECT_EQ(needed({.test_memory = bytes}), without_end_of_memory) << bytes;
        EXPECT_EQ(needed({.memory = bytes, .test_memory = bytes}), without_end_of_memory) << bytes;
    }
}

}  // namespace
}  // namespace nestbed::vmm
