#include "shared/shootdown/deferred.hpp"

#include <gtest/gtest.h>

#include <vector>

#include "tests/unit/shootdown/slow_platform.hpp"

namespace nestbed::shootdown::test {
namespace {

class DeferredProtocol : public testing::Test {
  protected:
    void tick(std::uint32_t cpu) {
        platform.on(cpu, [this] { protocol.tick(); });
    }

    SlowPlatform platform;
    DeferredShootdown<SlowPlatform> protocol{platform};
    Space space{CpuSet(0b1101)};  // CPU 0, which posts, and CPUs 2 and 3
};

TEST_F(DeferredProtocol, ATicketPassesWhenAllHaveTicked) {
    const Ticket ticket = protocol.post(space, range);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{0, range}})) << "its own, at once";
    EXPECT_FALSE(protocol.passed(ticket));
    tick(3);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{3, range}}));
    EXPECT_FALSE(protocol.passed(ticket));
    tick(3);
    tick(1);
    EXPECT_EQ(platform.take_invalidated(), Invalidations{}) << "nothing twice, nothing for others";
    tick(2);
    EXPECT_EQ(platform.take_invalidated(), (Invalidations{{2, range}}));
    EXPECT_TRUE(protocol.passed(ticket));
    EXPECT_TRUE(platform.interrupted().empty());
}

TEST_F(DeferredProtocol, WithNobodyToAskATicketHasPassed) {
    space.active = CpuSet(0b1);
    EXPECT_TRUE(protocol.passed(protocol.post(space, range)));
    EXPECT_TRUE(protocol.passed(Ticket{}));
}

TEST_F(DeferredProtocol, ShootReturnsWhenTheLastHasTicked) {
    platform.meanwhile([this] { tick(2); });
    platform.meanwhile([this] { tick(3); });
    protocol.shoot(space, range);
    EXPECT_TRUE(platform.idle());
    EXPECT_TRUE(platform.interrupted().empty());
}

TEST_F(DeferredProtocol, OneTickCarriesOutAllRecords) {
    std::vector<Ticket> tickets;
    tickets.reserve(8);
    for (int n = 0; n < 8; ++n) {
        tickets.push_back(protocol.post(space, range));
    }
    platform.take_invalidated();
    tick(2);
    EXPECT_EQ(platform.take_invalidated(), Invalidations(8, {2, range}));
    tick(3);
    for (const Ticket& ticket : tickets) {
        EXPECT_TRUE(protocol.passed(ticket));
    }
}

TEST_F(DeferredProtocol, AFullRingWaitsForItsOldest) {
    const Ticket oldest = protocol.post(space, range);
    for (int n = 1; n < 8; ++n) {
        protocol.post(space, range);
    }
    EXPECT_FALSE(protocol.passed(oldest));
    bool waited = false;
    platform.meanwhile([this] { tick(2); });
    platform.meanwhile([&] {
        waited = true;
        tick(3);
    });
    const Ticket newest = protocol.post(space, other_range);
    EXPECT_TRUE(waited);
    EXPECT_TRUE(protocol.passed(oldest)) << "though its record is in use again";
    EXPECT_FALSE(protocol.passed(newest));
}

// Each of two that shoot at each other is the other's target.
TEST_F(DeferredProtocol, WhoWaitsSweeps) {
    space.active = CpuSet(0b101);
    platform.meanwhile([this] { platform.on(2, [this] { protocol.shoot(space, other_range); }); });
    platform.meanwhile([this] { tick(0); });
    protocol.shoot(space, range);
    EXPECT_EQ(platform.take_invalidated(),
              (Invalidations{{0, range}, {2, other_range}, {2, range}, {0, other_range}}));
}

}  // namespace
}  // namespace nestbed::shootdown::test
