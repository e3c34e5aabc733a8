// A suite: tests of paging, each of which runs in a virtual machine of its own.

#include <atomic>

#include "guest/harness/test.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/frames.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"

namespace {

using namespace nestbed::guest;
namespace paging = nestbed::paging;

GUEST_USER std::uint64_t read(std::uint64_t address, std::uint64_t /*second*/) {
    return *reinterpret_cast<volatile std::uint64_t*>(address);
}

GUEST_TEST(example, user_mode_reads_what_was_mapped) {
    constexpr auto page = paging::Page4k::at<0x4000'0000'0000>();
    const auto frame = frames().allocate_zeroed();
    GUEST_REQUIRE(frame.has_value());
    *in_direct_map(frame->address()) = 42;

    AddressSpace space;
    const paging::Flags rights(paging::Permission::read | paging::Permission::user);
    GUEST_REQUIRE(space.mapper().map(page, *frame, rights));
    space.load();
    GUEST_EXPECT_EQ(run_user(read, page.address().raw()).value(), 42U);
}

GUEST_TEST(example, two_cpus_count, {.cpus = 2}) {
    static constinit std::atomic<std::uint32_t> sum{0};
    run_on_cpus(2, [](std::uint32_t cpu) {
        GUEST_LOG("CPU {} is here", cpu);
        sum.fetch_add(cpu + 1);
    });
    GUEST_EXPECT_EQ(sum.load(), 3U);
}

}  // namespace
