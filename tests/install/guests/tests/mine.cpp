#include <array>
#include <bit>
#include <cstdint>
#include <string_view>

#include "guest/harness/test.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/frames.hpp"
#include "guest/kernel/panic.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"
#include "helper.hpp"
// By both of their names.
#include <nestbed/paging/address.hpp>
#include <nestbed/paging/mapper.hpp>

#include "shared/paging/mapper.hpp"

namespace {

using namespace nestbed::guest;
namespace paging = nestbed::paging;

// What -fPIC, -O0, sanitizers, coverage and -march=native would each have look into the kernel
// image, or use an instruction that KVM does not interpret.
GUEST_USER_DATA constinit std::array<std::uint64_t, 4> words{};

GUEST_USER std::uint64_t add_up(std::uint64_t address, std::uint64_t shift) {
    std::uint64_t sum = *reinterpret_cast<volatile std::uint64_t*>(address);
    for (std::uint64_t n = 0; n < words.size(); ++n) {
        words[n] = n << (shift & 63);
        sum += words[n];
    }
    return sum;
}

GUEST_TEST(mine, user_mode_reads_what_was_mapped) {
    constexpr auto page = paging::Page4k::at<0x4000'0000'0000>();
    const auto frame = frames().allocate_zeroed();
    GUEST_REQUIRE(frame.has_value());
    *in_direct_map(frame->address()) = twice(21);

    AddressSpace space;
    const paging::Flags rights(paging::Permission::read | paging::Permission::user);
    GUEST_REQUIRE(space.mapper().map(page, *frame, rights));
    space.load();
    GUEST_EXPECT_EQ(run_user(add_up, page.address().raw(), 1).value(), 42U + 12U);
}

GUEST_TEST(mine, all_cpus_log, {.cpus = 3}) {
    static constinit std::array<std::uint32_t, 3> seen{};
    run_on_cpus(3, [](std::uint32_t cpu) {
        GUEST_LOG("CPU {} is {}", cpu, "here");
        seen[cpu] = cpu + 1;
    });
    GUEST_EXPECT_EQ(seen[0] + seen[1] + seen[2], 6U);
}

// What GCC and the headers call by themselves is there.
GUEST_TEST(mine, links_what_is_called_unseen) {
    const char* volatile text = "four";
    const volatile std::uint64_t bits = 0xF0F;
    GUEST_EXPECT_EQ(std::popcount(bits), 8);
    GUEST_EXPECT_EQ(std::string_view(text).size(), 4U);
}

GUEST_TEST(mine, fails) {
    GUEST_EXPECT_EQ(twice(1), 3U);  // the line that fails
}

GUEST_TEST(mine, panics) { panic("on purpose"); }

}  // namespace
