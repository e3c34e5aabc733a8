#include "shared/shootdown/paravirtual.hpp"

#include <gtest/gtest.h>

#include "tests/unit/shootdown/slow_platform.hpp"

namespace nestbed::shootdown::test {
namespace {

class ParavirtualProtocol : public testing::Test {
  protected:
    ParavirtualProtocol() {
        platform.set_handler([this] { protocol.handle_interrupt(); });
    }

    SlowPlatform platform;
    ParavirtualShootdown<SlowPlatform> protocol{platform};
    Space space{CpuSet(0b1101)};
};

TEST_F(ParavirtualProtocol, InterruptsThoseThatRun) {
    protocol.shoot(space, range);
    EXPECT_EQ(platform.interrupted(), CpuSet(0b1100));
    EXPECT_EQ(platform.yielded_to(), CpuSet(0b1100)) << "neither had answered yet";
    EXPECT_EQ(platform.preempted(2), 0) << "who runs is not to be flushed";
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{0, range}, {3, range}, {2, range}}));
}

TEST_F(ParavirtualProtocol, HasTheHypervisorFlushThoseThatDoNot) {
    platform.preempted(3) = kvm_vcpu_preempted;
    protocol.shoot(space, range);
    EXPECT_EQ(platform.interrupted(), CpuSet(0b100));
    EXPECT_EQ(platform.yielded_to(), CpuSet(0b100));
    EXPECT_EQ(platform.preempted(3), kvm_vcpu_preempted | kvm_vcpu_flush_tlb);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{0, range}, {2, range}}));
}

TEST_F(ParavirtualProtocol, AFlushThatIsAskedForAlreadyWillDo) {
    platform.preempted(2) = kvm_vcpu_preempted;
    platform.preempted(3) = kvm_vcpu_preempted | kvm_vcpu_flush_tlb;
    protocol.shoot(space, range);
    EXPECT_TRUE(platform.interrupted().empty());
    EXPECT_EQ(platform.preempted(2), kvm_vcpu_preempted | kvm_vcpu_flush_tlb);
    EXPECT_EQ(platform.preempted(3), kvm_vcpu_preempted | kvm_vcpu_flush_tlb);
}

}  // namespace
}  // namespace nestbed::shootdown::test
