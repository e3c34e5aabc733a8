#include "shared/shootdown/nmi.hpp"

#include <gtest/gtest.h>

#include "tests/unit/shootdown/slow_platform.hpp"

namespace nestbed::shootdown::test {
namespace {

class NmiProtocol : public testing::Test {
  protected:
    NmiProtocol() {
        platform.set_handler([this] { protocol.handle_nmi(); });
    }

    SlowPlatform platform;
    NmiShootdown<SlowPlatform> protocol{platform};
    Space space{CpuSet(0b1100)};
};

TEST_F(NmiProtocol, SendsNmisAndNoInterrupts) {
    protocol.shoot(space, range);
    EXPECT_EQ(platform.nmis(), CpuSet(0b1100));
    EXPECT_TRUE(platform.interrupted().empty());
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, range}, {2, range}}));
}

// The note of what is loaded may be ahead of CR3 when an NMI comes.
TEST_F(NmiProtocol, ATargetInvalidatesWhateverItHasLoaded) {
    platform.meanwhile([this] { space.active = CpuSet(0b1000); });
    protocol.shoot(space, range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, range}, {2, range}}));
}

TEST_F(NmiProtocol, OneNmiIsEnoughForTwoRequests) {
    space.active = CpuSet(0b1000);
    platform.meanwhile([this] { platform.on(1, [this] { protocol.shoot(space, other_range); }); });
    protocol.shoot(space, range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, range}, {3, other_range}}));
    EXPECT_FALSE(platform.idle()) << "the other NMI finds nothing to do";
    platform.pause();
    EXPECT_EQ(platform.take_invalidated(), Invalidations{});
}

}  // namespace
}  // namespace nestbed::shootdown::test
