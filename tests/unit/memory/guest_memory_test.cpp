// Which guest addresses are memory: without a hole, and on both sides of one.

#include "vmm/memory/guest_memory.hpp"

#include <gtest/gtest.h>

#include <limits>

#include "tests/unit/memory/byte_units.hpp"

namespace nestbed::vmm {
namespace {

using test::kib;
using test::mib;

constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

class GuestMemoryTest : public testing::Test {
  protected:
    static constexpr std::uint64_t below = 64 * kib;
    static constexpr std::uint64_t above = 32 * kib;

    const std::byte* host() const { return static_cast<std::byte*>(split_.host().address()); }

    GuestMemory split_{map_backing({.kind = Backing::anon}, below + above), below};
};

TEST_F(GuestMemoryTest, IsInTwoParts) {
    EXPECT_EQ(split_.size(), below + above);
    EXPECT_EQ(split_.size_below(), below);
    EXPECT_EQ(split_.size_above(), above);
    EXPECT_EQ(split_.at(0, 1), host());
    EXPECT_EQ(split_.at(below - 1, 1), host() + below - 1);
    EXPECT_EQ(split_.at(high_memory, 1), host() + below) << "the hole takes no host memory";
    EXPECT_EQ(split_.at(high_memory + above - 1, 1), host() + below + above - 1);
    EXPECT_EQ(split_.at(0, below), host());
    EXPECT_EQ(split_.at(high_memory, above), host() + below);
}

TEST_F(GuestMemoryTest, AHoleIsNone) {
    for (const std::uint64_t inside : {below, below + above - 1, below + above, high_memory - 1}) {
        EXPECT_EQ(split_.at(inside, 1), nullptr) << inside;
    }
    EXPECT_EQ(split_.at(high_memory + above, 1), nullptr);
}

TEST_F(GuestMemoryTest, WhatIsPartlyInAHoleIsNoMemory) {
    EXPECT_EQ(split_.at(below - 8, 9), nullptr);
    EXPECT_NE(split_.at(below - 8, 8), nullptr);
    EXPECT_EQ(split_.at(0, below + 1), nullptr) << "although the host has more";
    EXPECT_EQ(split_.at(high_memory - 8, 16), nullptr);
    EXPECT_EQ(split_.at(high_memory + above - 8, 9), nullptr);
    EXPECT_NE(split_.at(high_memory + above - 8, 8), nullptr);
    EXPECT_EQ(split_.at(0, high_memory + above), nullptr);
}

TEST_F(GuestMemoryTest, NothingOverflows) {
    for (const std::uint64_t physical :
         {std::uint64_t{0}, below - 1, high_memory, high_memory + 1, most}) {
        EXPECT_EQ(split_.at(physical, most), nullptr) << physical;
        EXPECT_EQ(split_.at(physical, most - physical + 1), physical == 0 ? host() : nullptr)
            << physical << ": up to 2^64, which is nothing of 0";
    }
    EXPECT_EQ(split_.at(most, 1), nullptr);
    EXPECT_EQ(split_.at(most - 7, 16), nullptr);
    EXPECT_FALSE(split_.read<std::uint64_t>(most - 3));
}

TEST_F(GuestMemoryTest, IsReadAndWrittenOnBothSides) {
    EXPECT_TRUE(split_.write(below - 8, std::uint64_t{1}));
    EXPECT_TRUE(split_.write(high_memory, std::uint64_t{2}));
    EXPECT_EQ(split_.read<std::uint64_t>(below - 8), 1U);
    EXPECT_EQ(split_.read<std::uint64_t>(high_memory), 2U);
    EXPECT_FALSE(split_.write(below - 7, std::uint64_t{3}));
    EXPECT_FALSE(split_.write(high_memory - 4, std::uint64_t{3}));
    EXPECT_EQ(split_.read<std::uint64_t>(below - 8), 1U) << "as it was";
    EXPECT_FALSE(split_.read<std::uint64_t>(below));
}

TEST_F(GuestMemoryTest, WithoutAHoleItEndsOnce) {
    const GuestMemory whole(map_backing({.kind = Backing::anon}, below));
    EXPECT_EQ(whole.size_below(), below);
    EXPECT_EQ(whole.size_above(), 0U);
    EXPECT_NE(whole.at(below - 1, 1), nullptr);
    EXPECT_EQ(whole.at(below, 1), nullptr);
    EXPECT_EQ(whole.at(high_memory, 1), nullptr);
    EXPECT_EQ(whole.at(high_memory, 0), nullptr);
}

TEST_F(GuestMemoryTest, WhatFitsBelowIsAllBelow) {
    for (const std::uint64_t limit : {below, below + 4096, most}) {
        const GuestMemory exactly(map_backing({.kind = Backing::anon}, below), limit);
        EXPECT_EQ(exactly.size_below(), below);
        EXPECT_EQ(exactly.size_above(), 0U);
        EXPECT_EQ(exactly.at(high_memory, 1), nullptr);
        EXPECT_NE(exactly.at(below - 1, 1), nullptr);
    }
}

TEST_F(GuestMemoryTest, WithoutAHoleItMayGoOnBeyond4GiB) {
    // Reserved only: nobody touches it.
    const GuestMemory large(map_backing({.kind = Backing::memfd}, high_memory + mib));
    EXPECT_EQ(large.at(high_memory, mib),
              static_cast<std::byte*>(large.host().address()) + high_memory);
    EXPECT_NE(large.at(high_memory - 8, 16), nullptr);
    EXPECT_EQ(large.at(high_memory + mib, 1), nullptr);
}

}  // namespace
}  // namespace nestbed::vmm
