// Tests that do what tests do, to be run among those that do not: each must pass, whoever its
// neighbours are.

#include "guest/harness/host_operation.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/user.hpp"
#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using paging::Flags;
using paging::Page4k;
using paging::Permission;

GUEST_USER std::uint64_t sum(std::uint64_t first, std::uint64_t words) {
    std::uint64_t total = 0;
    for (std::uint64_t n = 0; n < words; ++n) {
        total += reinterpret_cast<volatile const std::uint64_t*>(first)[n];
    }
    return total;
}

/// A little of everything that a test has.
void work() {
    static stats::Histogram histogram;
    std::atomic<std::uint32_t> arrived = 0;
    run_on_cpus(cpu_count(), [&](std::uint32_t cpu) {
        arrived.fetch_add(1);
        GUEST_LOG("CPU {} of {}", cpu, cpu_count());
    });
    GUEST_EXPECT_EQ(arrived.load(), cpu_count());

    AddressSpace space;
    constexpr auto page = Page4k::at<0x7000'0000'1000>();
    const auto frame = frames().allocate_zeroed();
    GUEST_REQUIRE(frame.has_value());
    GUEST_REQUIRE(
        space.mapper()
            .map(page, *frame, Flags(Permission::read | Permission::write | Permission::user))
            .has_value());
    space.load();
    for (std::uint64_t n = 0; n < 8; ++n) {
        in_direct_map(frame->address())[n] = n;
    }
    GUEST_EXPECT_EQ(run_user(sum, page.address().raw(), 8).value(), 28U);
    AddressSpace::unload();

    host_operation(HostOperationId::populate, 0, 4);
    GUEST_EXPECT_EQ(run_user(sum, test_page(0), 8).value(), 0U);
    histogram.record(arrived.load());
    report_measurement("cpus", "CPUs", histogram, {number("pages", 4)}, no_claim);
}

#define HEALTHY(name) \
    GUEST_TEST(healthy, name, {.cpus = 2, .test_memory = 2 << 20, .timeout = 60}) { work(); }
HEALTHY(a1);
HEALTHY(a2);
HEALTHY(a3);
HEALTHY(a4);
HEALTHY(a5);
HEALTHY(a6);
HEALTHY(a7);
HEALTHY(a8);
HEALTHY(b1);
HEALTHY(b2);
HEALTHY(b3);
HEALTHY(b4);
HEALTHY(b5);
HEALTHY(b6);
HEALTHY(b7);
HEALTHY(b8);

}  // namespace
}  // namespace nestbed::guest
