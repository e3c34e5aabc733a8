// The record channel: nothing lost, nothing out of order. The host fails a test whose rings have a
// gap (vmm/channel/record_reader.cpp) and these tests have it look at rings under every kind of
// pressure; tests/vmm/channel_test.cpp compares what arrived with what was sent, record by record.

#include "guest/harness/host_operation.hpp"
#include "guest/harness/measure.hpp"
#include "guest/harness/statistics.hpp"
#include "guest/harness/test.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/smp.hpp"

namespace nestbed::guest {
namespace {

constexpr std::uint32_t lines_per_cpu = 200;

void write_numbered_lines(std::uint32_t cpu) {
    for (std::uint32_t n = 0; n < lines_per_cpu; ++n) {
        GUEST_LOG("cpu {} line {}", cpu, n);
    }
}

GUEST_TEST(channel, smallest_rings_all_cpus_at_once, {.cpus = 4, .ring_records = 1}) {
    run_on_cpus(cpu_count(), write_numbered_lines);
}

GUEST_TEST(channel, small_rings_all_cpus_at_once, {.cpus = 4, .ring_records = 8}) {
    run_on_cpus(cpu_count(), write_numbered_lines);
}

GUEST_TEST(channel, no_exit_while_the_ring_has_room, {.ring_records = 256}) {
    write_numbered_lines(0);
    // Nothing was taken yet: the doorbell was not rung once.
    GUEST_EXPECT_EQ(this_cpu().records.taken(), 0U);
    this_cpu().records.drain();
    GUEST_EXPECT_EQ(this_cpu().records.taken(), std::uint64_t{lines_per_cpu});
}

GUEST_TEST(channel, every_kind_of_argument) {
    GUEST_LOG("{} {} {}", 18'446'744'073'709'551'615U, -9'223'372'036'854'775'807, true);
    GUEST_LOG("{:#x} {:>6} {}", 255U, "text", std::uint8_t{7});
    GUEST_LOG("no argument");
    GUEST_LOG("{} of {} of {} of {}", 1, 2, 3, 4);
}

GUEST_TEST(channel, a_measurement_arrives_whole) {
    static stats::Histogram histogram;
    for (std::uint64_t value = 1; value <= 100; ++value) {
        histogram.record(value);
    }
    report_measurement("hundred", "things", histogram, {number("number", 7), word("word", "seven")},
                       channel::Proof{.checks = 100, .violations = 0});
    // The host has its copy: this must not reach it.
    histogram.record(1'000'000);
}

/// A write to port::nothing: three instructions, wherever it stands.
[[gnu::always_inline]] inline void write_to_port() {
    asm volatile("mov %0, %%edx\n\txor %%eax, %%eax\n\tout %%eax, %%dx"
                 :
                 : "i"(channel::port::nothing)
                 : "eax", "edx", "memory", "cc");
}

// What tests/vmm/record_instructions_test.cpp counts instructions of.
GUEST_TEST(channel, records_between_port_writes, {.ring_records = 8}) {
    GUEST_LOG("the first has room made for it");
    write_to_port();
    write_to_port();
    asm volatile(".fill 7, 1, 0x90");  // NOP
    write_to_port();
    GUEST_LOG("no argument");
    write_to_port();
    GUEST_LOG("{}", 1);
    write_to_port();
    GUEST_LOG("{} {} {} {}", 1, "two", true, 4U);
    write_to_port();
}

// tests/vmm/record_instructions_test.cpp sends an NMI between any two instructions of a record.
GUEST_TEST(channel, a_record_and_an_nmi, {.ring_records = 8}) {
    constexpr std::uint8_t nmi = 2;
    set_interrupt_handler(nmi, [](TrapFrame&) { GUEST_LOG("from the handler"); });
    GUEST_LOG("the first has room made for it");
    write_to_port();
    GUEST_LOG("{}", 1);
    write_to_port();
}

// Each call to the host after which the guest goes on; tests/exit_path looks at what the host does
// then.
GUEST_TEST(channel, every_call_that_returns,
           {.cpus = 2, .ring_records = 8, .test_memory = 1 << 20}) {
    static stats::Histogram histogram;
    histogram.record(1);
    run_on_cpus(cpu_count(), [](std::uint32_t cpu) {
        for (std::uint32_t n = 0; n < 100; ++n) {
            GUEST_LOG("cpu {} line {} {}", cpu, n, "of many");
            out(channel::port::nothing, n);
        }
        this_cpu().records.drain();
        this_cpu().records.drain();
        report_measurement("one", "things", histogram, {number("cpu", cpu), word("word", "one")},
                           no_claim);
        if (cpu == 0) {
            for (int n = 0; n < 10; ++n) {
                count_over([] { out(channel::port::nothing, 0); });
                host_operation(HostOperationId::populate, 0, 1);
            }
        }
    });
}

}  // namespace
}  // namespace nestbed::guest
