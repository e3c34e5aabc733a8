#include "guest/harness/moving_memory.hpp"

#include <atomic>

#include "guest/kernel/panic.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/user.hpp"

namespace nestbed::guest {

namespace {

GUEST_USER_DATA constinit ReadsOfMovedMemory reads{};
GUEST_USER_DATA constinit std::uint64_t stop_reading = 0;

[[gnu::always_inline]] inline std::uint64_t load(std::uint64_t& from) {
    // Relaxed: a number by itself, and the CPUs wait for each other before and after.
    return std::atomic_ref(from).load(std::memory_order_relaxed);
}

[[gnu::always_inline]] inline void store(std::uint64_t& to, std::uint64_t value) {
    std::atomic_ref(to).store(value, std::memory_order_relaxed);
}

GUEST_USER std::uint64_t read_until_stopped(std::uint64_t address, std::uint64_t word) {
    do {
        const std::uint64_t found = *reinterpret_cast<volatile std::uint64_t*>(address);
        std::uint64_t& count = found == word              ? reads.right
                               : found == read_of_nothing ? reads.nothing
                                                          : reads.wrong;
        store(count, count + 1);
    } while (load(stop_reading) == 0);
    return 0;
}

GUEST_USER std::uint64_t read_moved_once(std::uint64_t address, std::uint64_t) {
    return *reinterpret_cast<volatile std::uint64_t*>(address);
}

/// For another read of this sort. A wrong one is enough, too: then the test has failed, and is not
/// to wait for ever.
void wait_for_another(std::uint64_t& sort) {
    const std::uint64_t before = load(sort);
    while (load(sort) == before && load(reads.wrong) == 0) {
        pause();
    }
}

void move_to(std::uint64_t place, stats::Histogram& cycles) {
    cycles.record(host_operation(HostOperationId::move, 0, 0, place).cycles);
}

}  // namespace

ReadsOfMovedMemory move_while_read(std::uint64_t trips, std::uint32_t reader, std::uint64_t page,
                                   stats::Histogram& cycles) {
    reads = {};
    stop_reading = 0;
    struct Reading {
        std::uint64_t address;
        std::uint64_t word;
    } reading{test_page(page), run_user(read_moved_once, test_page(page)).value()};
    const Work work{[](void* argument) {
                        const Reading& read = *static_cast<Reading*>(argument);
                        run_user(read_until_stopped, read.address, read.word).value();
                    },
                    &reading};
    start_on(reader, work);
    for (std::uint64_t n = 0; n < trips; ++n) {
        // Else there would be nothing in the second stage that a move takes away.
        wait_for_another(reads.right);
        move_to(other_place(), cycles);
        wait_for_another(reads.nothing);
        move_to(channel::test_memory_physical, cycles);
    }
    store(stop_reading, 1);
    wait_for(reader);
    return reads;
}

}  // namespace nestbed::guest
