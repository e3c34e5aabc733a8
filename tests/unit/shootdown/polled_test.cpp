#include "shared/shootdown/polled.hpp"

#include <gtest/gtest.h>

#include "tests/unit/shootdown/slow_platform.hpp"

namespace nestbed::shootdown::test {
namespace {

class PolledProtocol : public testing::Test {
  protected:
    void poll(std::uint32_t cpu) {
        platform.on(cpu, [this] { protocol.poll(); });
    }

    SlowPlatform platform;
    PolledShootdown<SlowPlatform> protocol{platform};
    Space space{CpuSet(0b1101)};
};

TEST_F(PolledProtocol, ReturnsWhenTheLastTargetHasPolled) {
    platform.meanwhile([this] { poll(3); });
    platform.meanwhile([this] { poll(1); });
    platform.meanwhile([this] { poll(2); });
    protocol.shoot(space, range);
    EXPECT_TRUE(platform.idle());
    EXPECT_TRUE(platform.interrupted().empty());
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{0, range}, {3, range}, {2, range}}));
}

TEST_F(PolledProtocol, ARequestIsCarriedOutOnce) {
    space.active = CpuSet(0b100);
    platform.meanwhile([this] {
        poll(2);
        poll(2);
    });
    protocol.shoot(space, range);
    poll(2);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{2, range}}));
}

// CPU 3 wants the slot that CPU 0 has claimed.
TEST_F(PolledProtocol, InitiatorsOfOneTargetTakeTurns) {
    space.active = CpuSet(0b100);
    platform.meanwhile([this] { platform.on(3, [this] { protocol.shoot(space, other_range); }); });
    platform.meanwhile([this] { poll(2); });
    platform.meanwhile([this] { poll(2); });
    protocol.shoot(space, range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{2, range}, {2, other_range}}));
}

}  // namespace
}  // namespace nestbed::shootdown::test
