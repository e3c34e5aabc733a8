// The `global` protocol on a platform whose targets answer one at a time, whenever the initiator
// waits: the slowest machine there is.
#include "shared/shootdown/global.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

namespace nestbed::shootdown::test {
namespace {

struct Space {
    CpuSet active;
};

class SlowPlatform {
  public:
    using Space = test::Space;
    template <typename T>
    using Atomic = std::atomic<T>;
    static constexpr std::uint32_t max_cpus = 8;

    std::uint32_t cpu_count() const { return max_cpus; }
    void fence() const {}

    std::uint32_t current_cpu() const { return cpu_; }
    CpuSet active_cpus(const Space& space) const { return space.active; }
    void send_interrupt(CpuSet targets) {
        targets.for_each([&](std::uint32_t cpu) { interrupted_.push_back(cpu); });
    }
    void invalidate(const Space& space, const Request& request) {
        if (space.active.contains(cpu_)) {
            invalidated_.push_back({cpu_, request.pages});
        }
    }
    void pause() {
        ASSERT_FALSE(interrupted_.empty()) << "waits for somebody who was not asked";
        const std::uint32_t initiator = cpu_;
        cpu_ = interrupted_.back();
        interrupted_.pop_back();
        handler_();
        cpu_ = initiator;
    }

    struct Invalidated {
        std::uint32_t cpu;
        PageRange range;
        friend bool operator==(const Invalidated&, const Invalidated&) = default;
    };

    void run_on(std::uint32_t cpu, std::function<void()> handler) {
        cpu_ = cpu;
        handler_ = std::move(handler);
    }
    const std::vector<Invalidated>& invalidated() const { return invalidated_; }
    bool idle() const { return interrupted_.empty(); }

  private:
    std::function<void()> handler_;
    std::uint32_t cpu_ = 0;
    std::vector<std::uint32_t> interrupted_;
    std::vector<Invalidated> invalidated_;
};

const PageRange range{paging::VirtAddr(0x5000), 3};

std::vector<SlowPlatform::Invalidated> shoot_from(std::uint32_t initiator, CpuSet active) {
    SlowPlatform platform;
    GlobalShootdown protocol(platform);
    platform.run_on(initiator, [&] { protocol.handle_interrupt(); });
    Space space{active};
    protocol.shoot(space, range);
    EXPECT_TRUE(platform.idle());
    return platform.invalidated();
}

// Trap: freeing a frame on the first acknowledgement instead of the last.
TEST(GlobalShootdown, ReturnsWhenTheLastTargetHasInvalidated) {
    const auto invalidated = shoot_from(1, CpuSet(0b1'1110));
    const std::vector<SlowPlatform::Invalidated> expected{
        {1, range}, {4, range}, {3, range}, {2, range}};
    EXPECT_EQ(invalidated, expected);
}

TEST(GlobalShootdown, AsksNobodyElse) {
    const auto alone = shoot_from(0, CpuSet(0b1));
    EXPECT_EQ(alone, (std::vector<SlowPlatform::Invalidated>{{0, range}}));
    const auto from_outside = shoot_from(5, CpuSet(0b100));
    EXPECT_EQ(from_outside, (std::vector<SlowPlatform::Invalidated>{{2, range}}));
}

}  // namespace
}  // namespace nestbed::shootdown::test
