// The test memory, and what the host does to it on the guest's behalf. All accesses are from user
// mode, to which it is mapped.

#include "guest/harness/host_operation.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/suites/user_access.hpp"

namespace nestbed::guest {
namespace {

constexpr std::uint64_t mib = 1 << 20;

std::uint64_t read_page(std::uint64_t page) { return run_user(read_user, test_page(page)).value(); }

void write_page(std::uint64_t page, std::uint64_t value) {
    GUEST_EXPECT(run_user(write_user, test_page(page), value).returned);
}

void expect_done(HostOperationId id, std::uint64_t first, std::uint64_t pages) {
    GUEST_EXPECT_EQ(host_operation(id, first, pages).error, 0U);
}

GUEST_TEST(test_memory, is_zero_and_keeps_what_is_written, {.test_memory = 4 * mib}) {
    const std::uint64_t last = boot_info().test_memory.bytes / 4096 - 1;
    GUEST_EXPECT_EQ(read_page(0), 0U);
    GUEST_EXPECT_EQ(read_page(last), 0U);
    write_page(0, 1);
    write_page(last, 2);
    GUEST_EXPECT_EQ(read_page(0), 1U);
    GUEST_EXPECT_EQ(read_page(last), 2U);
}

GUEST_TEST(test_memory, every_address_space_has_it, {.test_memory = 2 * mib}) {
    AddressSpace first;
    AddressSpace second;
    first.load();
    write_page(3, 33);
    second.load();
    GUEST_EXPECT_EQ(read_page(3), 33U);
    AddressSpace::unload();
    GUEST_EXPECT_EQ(read_page(3), 33U);
}

GUEST_TEST(test_memory, populated_pages_are_zero_and_keep_what_is_there, {.test_memory = 2 * mib}) {
    write_page(1, 11);
    expect_done(HostOperationId::populate, 0, 4);
    GUEST_EXPECT_EQ(read_page(0), 0U);
    GUEST_EXPECT_EQ(read_page(1), 11U);
}

GUEST_TEST(test_memory, discarded_pages_are_zero_and_their_neighbours_are_not,
           {.test_memory = 2 * mib}) {
    for (std::uint64_t page = 0; page < 4; ++page) {
        write_page(page, 100 + page);
    }
    expect_done(HostOperationId::discard, 1, 2);
    GUEST_EXPECT_EQ(read_page(0), 100U);
    GUEST_EXPECT_EQ(read_page(1), 0U);
    GUEST_EXPECT_EQ(read_page(2), 0U);
    GUEST_EXPECT_EQ(read_page(3), 103U);
    write_page(1, 201);
    GUEST_EXPECT_EQ(read_page(1), 201U);
}

}  // namespace
}  // namespace nestbed::guest
