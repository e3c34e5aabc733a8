#include "shared/shootdown/global.hpp"

#include <gtest/gtest.h>

#include "tests/unit/shootdown/slow_platform.hpp"

namespace nestbed::shootdown::test {
namespace {

Invalidations shoot_from(std::uint32_t initiator, CpuSet active) {
    SlowPlatform platform;
    GlobalShootdown protocol(platform);
    platform.set_handler([&] { protocol.handle_interrupt(); });
    Space space{active};
    platform.on(initiator, [&] { protocol.shoot(space, range); });
    EXPECT_TRUE(platform.idle());
    return platform.take_invalidated();
}

// Trap: freeing a frame on the first acknowledgement instead of the last.
TEST(GlobalShootdown, ReturnsWhenTheLastTargetHasInvalidated) {
    EXPECT_EQ(shoot_from(1, CpuSet(0b1'1110)),
              (Invalidations{{1, range}, {4, range}, {3, range}, {2, range}}));
}

TEST(GlobalShootdown, AsksNobodyElse) {
    EXPECT_EQ(shoot_from(0, CpuSet(0b1)), (Invalidations{{0, range}}));
    EXPECT_EQ(shoot_from(5, CpuSet(0b100)), (Invalidations{{2, range}}));
}

}  // namespace
}  // namespace nestbed::shootdown::test
