#include "vmm/machine/host_cpus.hpp"

#include <gtest/gtest.h>

#include <array>

namespace nestbed::vmm {
namespace {

constexpr std::array<std::uint32_t, 3> host_cpus{2, 5, 6};

TEST(Placement, FreeVcpusArePinnedNowhere) {
    EXPECT_EQ(host_cpu_of(Placement::free, 0, host_cpus), std::nullopt);
    EXPECT_EQ(host_cpu_of(Placement::free, 7, host_cpus), std::nullopt);
}

TEST(Placement, SpreadGoesAroundAndAround) {
    EXPECT_EQ(host_cpu_of(Placement::spread, 0, host_cpus), 2U);
    EXPECT_EQ(host_cpu_of(Placement::spread, 2, host_cpus), 6U);
    EXPECT_EQ(host_cpu_of(Placement::spread, 3, host_cpus), 2U);
}

TEST(Placement, OneCpuIsTheSameForAll) {
    EXPECT_EQ(host_cpu_of(Placement::one_cpu, 0, host_cpus), 2U);
    EXPECT_EQ(host_cpu_of(Placement::one_cpu, 63, host_cpus), 2U);
}

TEST(Placement, WithoutHostCpusNothingIsPinned) {
    EXPECT_EQ(host_cpu_of(Placement::spread, 1, {}), std::nullopt);
    EXPECT_EQ(host_cpu_of(Placement::one_cpu, 1, {}), std::nullopt);
}

}  // namespace
}  // namespace nestbed::vmm
