// Rings that lie: about how many records there are, whose they are and which.

#include "guest/kernel/user.hpp"
#include "tests/hostile/guests/hostile.hpp"

namespace nestbed::guest {
namespace {

using namespace hostile;

GUEST_TEST(ring, head_jumps) {
    GUEST_LOG("a record that nobody will read");
    ring().head += std::uint64_t{1} << 40;
}

GUEST_TEST(ring, head_is_all_ones) { ring().head = ~std::uint64_t{0}; }

GUEST_TEST(ring, head_is_one_too_far, {.ring_records = 8}) { ring().head = 9; }

GUEST_TEST(ring, head_is_two_of_a_ring_of_one, {.ring_records = 1}) { ring().head = 2; }

GUEST_TEST(ring, head_goes_back) {
    GUEST_LOG("one");
    GUEST_LOG("two");
    ring_doorbell();
    ring().head = 1;
}

GUEST_TEST(ring, head_goes_back_to_nothing) {
    GUEST_LOG("one");
    ring_doorbell();
    ring().head = 0;
    ring_doorbell();
}

GUEST_TEST(ring, head_goes_round) {
    // The host counts records in 64 bits, their sequence is 32: no record is 2^32 on.
    GUEST_LOG("one");
    ring_doorbell();
    ring().head = (std::uint64_t{1} << 32) + 1;
}

GUEST_TEST(ring, sequence_is_ahead) {
    GUEST_LOG("one");
    slot(0).sequence = 1;
}

GUEST_TEST(ring, sequence_is_all_ones) {
    GUEST_LOG("one");
    slot(0).sequence = ~std::uint32_t{0};
}

GUEST_TEST(ring, record_of_a_cpu_that_there_is_not) {
    GUEST_LOG("one");
    slot(0).cpu = 255;
}

GUEST_TEST(ring, record_of_another_cpu, {.cpus = 2}) {
    run_on_cpus(2, [](std::uint32_t cpu) { GUEST_LOG("of CPU {}", cpu); });
    slot(0, 0) = slot(0, 1);
}

GUEST_TEST(ring, written_by_another_cpu, {.cpus = 2}) {
    // The ring of CPU 1, which goes on by itself.
    run_on_cpus(2, [](std::uint32_t cpu) {
        if (cpu == 0) {
            for (std::uint64_t n = 0; n < 200; ++n) {
                ring(1).head = n;
            }
        } else {
            for (std::uint64_t n = 0; n < 200; ++n) {
                GUEST_LOG("line {}", n);
                ring_doorbell();
            }
        }
    });
}

GUEST_TEST(ring, capacity_is_overwritten, {.ring_records = 8}) {
    GUEST_LOG("the writer has looked");
    ring().capacity = std::uint64_t{1} << 63;
    ring_doorbell();
    ring().capacity = 0;
    ring_doorbell();
    ring().capacity = 8;
}

GUEST_TEST(ring, tail_is_overwritten) {
    GUEST_LOG("one");
    ring().tail = ~std::uint64_t{0};
    ring_doorbell();
    GUEST_EXPECT_EQ(ring().tail, 1U);
}

GUEST_TEST(ring, record_of_zeroes) { ring().head = 1; }

GUEST_TEST(ring, records_of_ones) {
    for (std::uint64_t n = 0; n < sizeof(Record) / 8; ++n) {
        reinterpret_cast<std::uint64_t*>(&slot(0))[n] = ~std::uint64_t{0};
    }
    ring().head = ring().capacity;
}

GUEST_TEST(ring, header_is_zeroed) {
    GUEST_LOG("one");
    ring_doorbell();
    ring() = RingHeader{};
}

GUEST_TEST(ring, is_not_mapped_by_the_guest) {
    GUEST_LOG("one");
    entry_of(channel::layout::direct_map, 4) = 0;  // the host does not go this way
    flush_tlb();
    out(channel::port::finish, 0);
}

GUEST_USER_DATA std::atomic<bool> is_over = false;

/// User mode writes without end to 64 words from `first` on.
GUEST_USER std::uint64_t scribble(std::uint64_t first, std::uint64_t seed) {
    std::uint64_t state = seed;
    while (!is_over.load(std::memory_order_relaxed)) {
        for (std::uint64_t n = 0; n < 64; ++n) {
            state = state * 6364136223846793005 + 1442695040888963407;
            reinterpret_cast<volatile std::uint64_t*>(first)[n] = state >> 60;
        }
    }
    return state;
}

/// CPU 0 rings while CPU 1 writes to what the host reads.
void ring_while_written(const void* first) {
    open_to_user(first);
    run_on_cpus(2, [=](std::uint32_t cpu) {
        if (cpu == 0) {
            for (std::uint64_t n = 0; n < 300; ++n) {
                ring_doorbell();
            }
            is_over = true;
        } else {
            static_cast<void>(run_user(scribble, reinterpret_cast<std::uint64_t>(first), 1));
        }
    });
}

GUEST_TEST(ring, header_is_written_while_read, {.cpus = 2}) { ring_while_written(&ring()); }

GUEST_TEST(ring, records_are_written_while_read, {.cpus = 2}) {
    ring().head = 8;
    ring_while_written(&slot(0));
}

/// Turns the one record of the ring from a log line into a measurement and back.
GUEST_USER std::uint64_t turn(std::uint64_t record_address, std::uint64_t) {
    auto& record = *reinterpret_cast<volatile Record*>(record_address);
    while (!is_over.load(std::memory_order_relaxed)) {
        record.type = RecordType::measurement;
        record.type = RecordType::log;
    }
    return 0;
}

GUEST_TEST(ring, type_changes_while_read, {.cpus = 2, .ring_records = 1}) {
    static const char text[8192] = "text";
    open_to_user(&slot(0));
    run_on_cpus(2, [&](std::uint32_t cpu) {
        if (cpu == 0) {
            for (std::uint64_t n = 0; n < 200; ++n) {
                send(RecordType::log, text);
            }
            is_over = true;
        } else {
            static_cast<void>(run_user(turn, address_of(slot(0))));
        }
    });
}

GUEST_TEST(ring, doorbell_of_one_byte) {
    asm volatile("outb %%al, %%dx" : : "a"(0), "d"(channel::port::doorbell));
}

GUEST_TEST(ring, doorbell_is_read) { static_cast<void>(in(channel::port::doorbell)); }

GUEST_TEST(ring, doorbells_without_records, {.cpus = 2, .timeout = 60}) {
    run_on_cpus(2, [](std::uint32_t) {
        for (std::uint64_t n = 0; n < 5'000; ++n) {
            ring_doorbell();
        }
    });
}

}  // namespace
}  // namespace nestbed::guest
