#include "vmm/machine/host_cpus.hpp"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace nestbed::vmm {
namespace {

constexpr std::array<std::uint32_t, 3> host_cpus{2, 5, 6};

TEST(UsableHostCpus, AreThoseThatTheThreadMayRunOn) {
    const std::vector<std::uint32_t> all = usable_host_cpus();
    std::vector<std::uint32_t> seen;
    std::thread([&] {
        const std::array<std::uint32_t, 1> last{all.back()};
        EXPECT_EQ(spread_this_thread_over(last), 0);
        seen = usable_host_cpus();
    }).join();
    EXPECT_EQ(seen, std::vector<std::uint32_t>{all.back()});
    EXPECT_EQ(usable_host_cpus(), all);
}

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
