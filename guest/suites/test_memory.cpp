// The test memory, and what the host does to it on the guest's behalf. All accesses are from user
// mode, to which it is mapped.

#include <array>

#include "guest/harness/host_operation.hpp"
#include "guest/harness/moving_memory.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/address_space.hpp"
#include "guest/kernel/smp.hpp"
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

/// Of tests in which the host brings in or gives back one page and not its neighbours.
void skip_without_small_pages() {
    if (boot_info().test_memory.host_page_bytes != 4096) {
        GUEST_SKIP("the host's pages are larger");
    }
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
           {.test_memory = 2 * mib, .tags = "needs-small-pages"}) {
    skip_without_small_pages();
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

std::uint64_t set_read_only(bool on) {
    const HostOperation done =
        host_operation(HostOperationId::set_read_only, 0, 0, on ? std::uint64_t{1} : 0);
    GUEST_EXPECT_EQ(done.error, 0U);
    return done.result;
}

GUEST_TEST(test_memory, read_only_memory_drops_each_write, {.test_memory = 2 * mib}) {
    write_page(0, 10);
    write_page(1, 11);
    GUEST_EXPECT_EQ(set_read_only(true), 0U);
    write_page(0, 20);
    write_page(0, 30);
    write_page(2, 22);
    GUEST_EXPECT_EQ(read_page(0), 10U);
    GUEST_EXPECT_EQ(read_page(1), 11U);
    GUEST_EXPECT_EQ(read_page(2), 0U);
    GUEST_EXPECT_EQ(set_read_only(false), 3U);
    write_page(0, 40);
    GUEST_EXPECT_EQ(read_page(0), 40U);
    GUEST_EXPECT_EQ(read_page(1), 11U);
    GUEST_EXPECT_EQ(set_read_only(false), 3U);
}

void move_to(std::uint64_t place) {
    GUEST_EXPECT_EQ(host_operation(HostOperationId::move, 0, 0, place).error, 0U);
}

GUEST_TEST(test_memory, moved_memory_is_where_it_was_moved_to,
           {.test_memory = 2 * mib, .tags = "needs-address-bits"}) {
    skip_without_other_place();
    constexpr std::uint64_t page = 5;
    constexpr auto window = paging::Page4k::at<0x7000'0000'0000>();
    const auto elsewhere =
        paging::Frame4k::containing(paging::PhysAddr(other_place() + page * 4096));
    AddressSpace space;
    expect_ok(space.mapper().map(window, *elsewhere, user_data));
    space.load();
    const auto read_elsewhere = [&] { return run_user(read_user, window.address().raw()).value(); };
    write_page(page, 55);
    move_to(other_place());
    GUEST_EXPECT_EQ(read_elsewhere(), 55U);
    GUEST_EXPECT_EQ(read_page(page), read_of_nothing);
    write_page(page, 66);
    GUEST_EXPECT_EQ(read_elsewhere(), 55U);
    GUEST_EXPECT(run_user(write_user, window.address().raw(), 77).returned);
    move_to(channel::test_memory_physical);
    GUEST_EXPECT_EQ(read_page(page), 77U);
    GUEST_EXPECT_EQ(read_elsewhere(), read_of_nothing);
}

GUEST_TEST(test_memory, memory_that_moves_is_read_or_not_there,
           {.cpus = 2, .test_memory = 2 * mib, .tags = "needs-address-bits"}) {
    skip_without_other_place();
    static stats::Histogram cycles;
    constexpr std::uint64_t trips = 10;
    write_page(3, 33);
    const ReadsOfMovedMemory reads = move_while_read(trips, 1, 3, cycles);
    GUEST_EXPECT_EQ(reads.wrong, 0U);
    GUEST_EXPECT_EQ(cycles.count(), 2 * trips);
    GUEST_EXPECT_GE(reads.nothing, trips);
    GUEST_EXPECT_GE(reads.right, trips);
    GUEST_EXPECT_EQ(read_page(3), 33U);
}

GUEST_TEST(test_memory, pages_come_back_from_swap,
           {.test_memory = 2 * mib, .tags = "needs-small-pages needs-swap"}) {
    skip_without_small_pages();
    constexpr std::uint64_t pages = 16;
    for (std::uint64_t page = 0; page < pages; ++page) {
        write_page(page, 100 + page);
    }
    const HostOperation done = host_operation(HostOperationId::page_out, 0, pages);
    GUEST_EXPECT(done.result <= pages);
    for (std::uint64_t page = 0; page < pages; ++page) {
        GUEST_EXPECT_EQ(read_page(page), 100 + page);
    }
    if (done.result == 0) {
        GUEST_SKIP("the host keeps such pages: it has no swap, or does not page them out");
    }
}

std::uint64_t stop_userfault() {
    const HostOperation done = host_operation(HostOperationId::stop_userfault, 0, 0);
    GUEST_EXPECT_EQ(done.error, 0U);
    return done.result;
}

GUEST_TEST(test_memory, the_vmm_brings_in_what_is_missing,
           {.test_memory = 2 * mib, .tags = "needs-small-pages needs-userfault"}) {
    skip_without_small_pages();
    for (std::uint64_t page = 0; page < 10; ++page) {
        write_page(page, 100 + page);
    }
    start_userfault(channel::UserfaultKind::missing, 2, 6);
    GUEST_EXPECT_EQ(read_page(1), 101U);
    GUEST_EXPECT_EQ(read_page(2), 0U);
    write_page(2, 202);
    write_page(3, 203);
    GUEST_EXPECT_EQ(read_page(2), 202U);
    GUEST_EXPECT_EQ(read_page(3), 203U);
    GUEST_EXPECT_EQ(read_page(8), 108U);
    GUEST_EXPECT_EQ(stop_userfault(), 2U);
    // Those that nobody asked for meanwhile are the kernel's again.
    GUEST_EXPECT_EQ(read_page(7), 0U);
    GUEST_EXPECT_EQ(read_page(2), 202U);
    GUEST_EXPECT_EQ(stop_userfault(), 0U);
}

GUEST_USER std::uint64_t read_pages(std::uint64_t first, std::uint64_t pages) {
    std::uint64_t sum = 0;
    for (std::uint64_t page = first; page < first + pages; ++page) {
        sum += *reinterpret_cast<volatile std::uint64_t*>(test_page(page));
    }
    return sum;
}

GUEST_TEST(test_memory, two_cpus_that_miss_a_page_get_the_same,
           {.cpus = 2, .test_memory = 2 * mib, .tags = "needs-small-pages needs-userfault"}) {
    skip_without_small_pages();
    constexpr std::uint64_t pages = 256;
    start_userfault(channel::UserfaultKind::missing, 0, pages);
    std::array<std::uint64_t, 2> sums{1, 1};
    Rendezvous start(2);
    run_on_cpus(2, [&](std::uint32_t cpu) {
        start.meet();
        sums[cpu] = run_user(read_pages, 0, pages).value();
    });
    GUEST_EXPECT_EQ(sums[0] + sums[1], 0U);
    GUEST_EXPECT_EQ(stop_userfault(), pages);
}

GUEST_TEST(test_memory, the_vmm_maps_what_it_has,
           {.test_memory = 2 * mib, .tags = "needs-small-pages needs-userfault"}) {
    skip_without_small_pages();
    for (std::uint64_t page = 0; page < 8; ++page) {
        write_page(page, 100 + page);
    }
    start_userfault(channel::UserfaultKind::minor, 2, 4);
    GUEST_EXPECT_EQ(read_page(2), 102U);
    write_page(3, 203);
    GUEST_EXPECT_EQ(read_page(3), 203U);
    GUEST_EXPECT_EQ(stop_userfault(), 2U);
    GUEST_EXPECT_EQ(read_page(5), 105U);
    GUEST_EXPECT_EQ(read_page(1), 101U);
}

}  // namespace
}  // namespace nestbed::guest
