#include "shared/shootdown/generation.hpp"

#include <gtest/gtest.h>

#include "tests/unit/shootdown/slow_platform.hpp"

namespace nestbed::shootdown::test {
namespace {

class GenerationProtocol : public testing::Test {
  protected:
    GenerationProtocol() {
        platform.set_handler([this] { protocol.handle_interrupt(); });
        space.active.for_each([this](std::uint32_t cpu) { load(cpu, space); });
    }
    void load(std::uint32_t cpu, Space& which) {
        platform.on(cpu, [&] { protocol.loading(which); });
    }
    void shoot(std::uint32_t initiator, const Request& request) {
        platform.on(initiator, [&] { protocol.shoot(space, request); });
    }

    SlowPlatform platform;
    GenerationShootdown<SlowPlatform> protocol{platform};
    Space space{CpuSet(0b1000)};  // CPU 3
};

TEST_F(GenerationProtocol, OneBehindInvalidatesTheRange) {
    shoot(0, range);
    shoot(0, other_range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, range}, {3, other_range}}));
    EXPECT_EQ(space.generation, 2U);
}

// CPU 1 counts first; but the handler looks at CPU 0's request before CPU 1's.
TEST_F(GenerationProtocol, TwoBehindFlushesEverythingOnceForBoth) {
    platform.meanwhile([this] { shoot(0, other_range); });
    shoot(1, range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, everything}}));
    shoot(0, range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, range}})) << "it is up to date again";
}

// CPU 0 counts first: two requests in their order are two ranges.
TEST_F(GenerationProtocol, RequestsInOrderAreCarriedOutOneByOne) {
    platform.meanwhile([this] { shoot(1, other_range); });
    shoot(0, range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, range}, {3, other_range}}));
}

TEST_F(GenerationProtocol, TheInitiatorCountsItsOwnAsWell) {
    shoot(3, range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, range}}));
    shoot(0, other_range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, other_range}}));
}

TEST_F(GenerationProtocol, ACpuIsAsFarAsTheSpaceThatItLoads) {
    shoot(0, range);
    shoot(0, range);
    space.active = CpuSet(0b1'1000);
    load(4, space);
    platform.take_invalidated();
    shoot(0, other_range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{4, other_range}, {3, other_range}}));
}

TEST_F(GenerationProtocol, ARequestOfAnotherSpaceIsNoneOfItsBusiness) {
    Space other{CpuSet(0b1000)};
    load(3, other);
    shoot(0, range);
    EXPECT_EQ(platform.take_invalidated(), Invalidations{});
}

TEST_F(GenerationProtocol, ALazyCpuIsNotInterruptedAndFlushesWhenItIsBack) {
    platform.on(3, [this] { protocol.enter_lazy(); });
    shoot(0, range);
    EXPECT_TRUE(platform.interrupted().empty());
    EXPECT_EQ(platform.take_invalidated(), Invalidations{});
    platform.on(3, [this] { protocol.leave_lazy(); });
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, everything}}));
    shoot(0, range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, range}}));
}

TEST_F(GenerationProtocol, ALazyCpuThatMissedNothingFlushesNothing) {
    shoot(0, range);
    platform.take_invalidated();
    platform.on(3, [this] {
        protocol.enter_lazy();
        protocol.leave_lazy();
    });
    EXPECT_EQ(platform.take_invalidated(), Invalidations{});
}

TEST_F(GenerationProtocol, ALazyCpuIsInterruptedIfTablesAreFreed) {
    Request request = range;
    request.frees_tables = true;
    platform.on(3, [this] { protocol.enter_lazy(); });
    shoot(0, request);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, request}}));
    platform.on(3, [this] { protocol.leave_lazy(); });
    EXPECT_EQ(platform.take_invalidated(), Invalidations{});
}

}  // namespace
}  // namespace nestbed::shootdown::test
