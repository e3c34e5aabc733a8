// Host operations that make no sense, or that several vCPUs ask for at once.

#include "guest/harness/host_operation.hpp"
#include "guest/kernel/user.hpp"
#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;
using Id = HostOperationId;

constexpr std::uint64_t all_ones = ~std::uint64_t{0};
constexpr std::uint64_t pages = 512;  // of 2 MiB of test memory

/// A test with 2 MiB of test memory that asks for one thing.
#define ASKS(name, ...) \
    GUEST_TEST(operation, name, {.test_memory = 2 << 20}) { host_operation(__VA_ARGS__); }

ASKS(number_0, Id{0}, 0, 0)
ASKS(number_12, Id{12}, 0, 0)
ASKS(number_2_32, Id{~0U}, 0, 0)
ASKS(one_page_too_many, Id::populate, 0, pages + 1)
ASKS(a_page_behind_the_last, Id::populate, pages, 1)
ASKS(nothing_behind_the_last, Id::populate, pages, 0)
ASKS(pages_2_64, Id::discard, 0, all_ones)
ASKS(from_page_2_64, Id::discard, all_ones, 1)
ASKS(pages_that_wrap, Id::page_out, all_ones - 15, 16)
ASKS(bytes_that_wrap, Id::populate, std::uint64_t{1} << 52, 1)
ASKS(move_to_2_63, Id::move, 0, 0, std::uint64_t{1} << 63)
ASKS(move_to_the_end, Id::move, 0, 0, all_ones << 30)
ASKS(move_to_0, Id::move, 0, 0, 0)
ASKS(move_off_the_grid, Id::move, 0, 0, channel::test_memory_physical + 4096)
ASKS(read_only_2, Id::set_read_only, 0, 0, 2)
ASKS(read_only_2_64, Id::set_read_only, 0, 0, all_ones)
ASKS(userfault_of_kind_7, Id::start_userfault, 0, 1, 7)
ASKS(userfault_of_kind_2_32, Id::start_userfault, 0, 1, std::uint64_t{1} << 32)
ASKS(userfault_of_no_page, Id::start_userfault, 0, 0)
ASKS(userfault_stopped_before_it_starts, Id::stop_userfault, 0, 0)
ASKS(log_started_without_a_log, Id::start_dirty_log, 0, 0)
ASKS(log_stopped_without_a_log, Id::stop_dirty_log, 0, 0)
ASKS(log_collected_without_a_log, Id::collect_dirty_log, 0, pages)
ASKS(log_cleared_without_a_log, Id::clear_dirty_log, 0, pages)

GUEST_TEST(operation, without_test_memory) { host_operation(Id::populate, 0, 1); }

#define ASKS_WITH_LOG(name, ...)                                                              \
    GUEST_TEST(                                                                               \
        operation, name,                                                                      \
        {.test_memory = 2 << 20, .dirty_logging = {.kind = channel::DirtyLogKind::bitmap}}) { \
        __VA_ARGS__;                                                                          \
    }

ASKS_WITH_LOG(log_collected_before_it_starts, host_operation(Id::collect_dirty_log, 0, pages))
ASKS_WITH_LOG(log_cleared_before_it_starts, host_operation(Id::clear_dirty_log, 0, pages))
ASKS_WITH_LOG(log_stopped_before_it_starts, host_operation(Id::stop_dirty_log, 0, 0))
ASKS_WITH_LOG(log_of_half_a_word, host_operation(Id::start_dirty_log, 0, 0),
              host_operation(Id::collect_dirty_log, 0, 63))
ASKS_WITH_LOG(log_from_half_a_word, host_operation(Id::start_dirty_log, 0, 0),
              host_operation(Id::collect_dirty_log, 32, 64))
ASKS_WITH_LOG(log_to_the_end_of_memory, host_operation(Id::start_dirty_log, 0, 0),
              host_operation(Id::collect_dirty_log, 0, pages, boot_info().free_memory_end - 63))
ASKS_WITH_LOG(log_to_2_64, host_operation(Id::start_dirty_log, 0, 0),
              host_operation(Id::collect_dirty_log, 0, pages, all_ones))
ASKS_WITH_LOG(log_cleared_from_a_hole, host_operation(Id::start_dirty_log, 0, 0),
              host_operation(Id::clear_dirty_log, 0, pages, hole))
ASKS_WITH_LOG(log_to_where_the_request_is, host_operation(Id::start_dirty_log, 0, 0),
              host_operation(Id::collect_dirty_log, 0, pages,
                             address_of(*boot_info().host_operation) - channel::layout::direct_map))
ASKS_WITH_LOG(log_started_twice, host_operation(Id::start_dirty_log, 0, 0),
              host_operation(Id::start_dirty_log, 0, 0))
ASKS_WITH_LOG(moved_while_logged, host_operation(Id::start_dirty_log, 0, 0),
              host_operation(Id::move, 0, 0, channel::test_memory_physical + (1 << 30)))
ASKS_WITH_LOG(log_cleared_of_pages_never_written, host_operation(Id::start_dirty_log, 0, 0),
              table_at(boot_info().free_memory)[0] = all_ones,
              table_at(boot_info().free_memory)[7] = all_ones,
              host_operation(Id::clear_dirty_log, 0, pages, boot_info().free_memory))

GUEST_USER std::uint64_t touch(std::uint64_t first, std::uint64_t count) {
    for (std::uint64_t n = 0; n < count; ++n) {
        reinterpret_cast<volatile std::uint64_t*>(first + n * 4096)[0] = n;
    }
    return 0;
}

void touch_all() { static_cast<void>(run_user(touch, test_page(0), pages)); }

GUEST_TEST(operation, userfault_and_everything_else, {.test_memory = 2 << 20}) {
    start_userfault(channel::UserfaultKind::missing, 0, pages);
    host_operation(Id::populate, 0, 16);
    host_operation(Id::discard, 8, 16);
    host_operation(Id::page_out, 0, 32);
    touch_all();
    host_operation(Id::discard, 0, pages);
    host_operation(Id::stop_userfault, 0, 0);
    host_operation(Id::stop_userfault, 0, 0);
    touch_all();
}

GUEST_TEST(operation, userfault_twice, {.test_memory = 2 << 20}) {
    start_userfault(channel::UserfaultKind::missing, 0, pages);
    host_operation(Id::start_userfault, 0, pages);
}

GUEST_TEST(operation, userfault_and_a_hang, {.cpus = 2, .test_memory = 2 << 20, .timeout = 1}) {
    start_userfault(channel::UserfaultKind::missing, 0, pages);
    start_on(1, {[](void*) {
                     for (;;) {
                         touch_all();
                     }
                 },
                 nullptr});
    for (;;) {
        host_operation(Id::discard, 0, pages);
    }
}

GUEST_TEST(operation, moved_under_others_feet, {.cpus = 2, .test_memory = 2 << 20, .timeout = 1}) {
    start_on(1, {[](void*) {
                     for (;;) {
                         touch_all();
                     }
                 },
                 nullptr});
    for (std::uint64_t n = 0;; ++n) {
        host_operation(Id::move, 0, 0, channel::test_memory_physical + (n % 4 << 30));
        host_operation(Id::set_read_only, 0, 0, n % 2);
    }
}

/// All vCPUs at once.
void ask_side_by_side(Id id) {
    run_on_cpus(cpu_count(), [=](std::uint32_t) {
        for (std::uint64_t n = 0; n < 500; ++n) {
            out(channel::port::host_operation, 0);
            channel::HostOperation& request = *boot_info().host_operation;
            request.id = id;
            request.pages = pages;
        }
    });
}

GUEST_TEST(operation, from_two_cpus_at_once, {.cpus = 2, .test_memory = 2 << 20}) {
    host_operation(Id::populate, 0, pages);
    ask_side_by_side(Id::discard);
}

GUEST_TEST(operation, from_four_cpus_at_once, {.cpus = 4, .test_memory = 2 << 20}) {
    host_operation(Id::populate, 0, pages);
    ask_side_by_side(Id::populate);
}

GUEST_USER_DATA std::atomic<bool> is_over = false;

/// Turns the arguments of a request over.
GUEST_USER std::uint64_t turn(std::uint64_t request_address, std::uint64_t) {
    auto& request = *reinterpret_cast<volatile channel::HostOperation*>(request_address);
    while (!is_over.load(std::memory_order_relaxed)) {
        request.first_page = ~std::uint64_t{0};
        request.pages = std::uint64_t{1} << 40;
        request.first_page = 0;
        request.pages = 1;
    }
    return 0;
}

GUEST_TEST(operation, changed_while_carried_out, {.cpus = 2, .test_memory = 2 << 20}) {
    channel::HostOperation& request = *boot_info().host_operation;
    request = {.id = Id::discard, .first_page = 0, .pages = 1};
    open_to_user(&request);
    run_on_cpus(2, [&](std::uint32_t cpu) {
        if (cpu == 0) {
            for (std::uint64_t n = 0; n < 500; ++n) {
                out(channel::port::host_operation, 0);
            }
            is_over = true;
        } else {
            static_cast<void>(run_user(turn, address_of(request)));
        }
    });
}

GUEST_TEST(operation, by_two_bytes, {.test_memory = 2 << 20}) {
    asm volatile("outw %%ax, %%dx" : : "a"(0), "d"(channel::port::host_operation));
}

GUEST_TEST(operation, of_random_bits, {.cpus = 2, .test_memory = 2 << 20}) {
    std::uint64_t state = parameter("seed", 1);
    channel::HostOperation& request = *boot_info().host_operation;
    for (std::uint64_t n = 0; n < 200; ++n) {
        state = state * 6364136223846793005 + 1442695040888963407;
        // Mostly such as are carried out.
        request = {.id = Id((state >> 60 & 1) + 1),
                   .first_page = state >> 20 & 511,
                   .pages = state >> 40 & 63,
                   .argument = state};
        out(channel::port::host_operation, static_cast<std::uint32_t>(state));
    }
}

// Marks of regions, which are counted over.

void mark(std::uint32_t value) { out(channel::port::statistics, value); }

GUEST_TEST(operation, region_ends_before_it_begins) { mark(1); }
GUEST_TEST(operation, region_inside_a_region) { mark(0), mark(2); }
GUEST_TEST(operation, region_ends_as_another) { mark(0), mark(3); }
GUEST_TEST(operation, region_of_no_kind) { mark(~0U); }
GUEST_TEST(operation, region_without_end) { mark(2); }
GUEST_TEST(operation, regions_of_two_cpus, {.cpus = 2}) {
    run_on_cpus(2, [](std::uint32_t) {
        for (std::uint64_t n = 0; n < 200; ++n) {
            mark(0), mark(1);
        }
    });
}

}  // namespace
}  // namespace nestbed::guest
