// Inter-processor interrupts: each delivered once, to the CPUs named and to no other.

#include <array>
#include <atomic>

#include "guest/harness/test.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/interrupts.hpp"
#include "guest/kernel/smp.hpp"
#include "shared/arch/exceptions.hpp"

namespace nestbed::guest {
namespace {

constexpr std::uint8_t test_vector = 0x80;

/// Deliveries by CPU and vector.
std::array<std::array<std::atomic<std::uint32_t>, 256>, channel::max_cpus> delivered;

void count(TrapFrame& frame) { delivered[this_cpu().index][frame.vector].fetch_add(1); }

std::uint32_t deliveries(std::uint32_t cpu, std::uint8_t vector) {
    return delivered[cpu][vector].load();
}

void wait_for_delivery(std::uint32_t cpu, std::uint8_t vector, std::uint32_t number) {
    while (deliveries(cpu, vector) < number) {
        pause();
    }
}

/// Of two pending interrupts the higher class is delivered first (SDM Vol. 3A 11.8.3.1): a late
/// second delivery comes before one of the lowest class that is sent after it.
void let_stragglers_arrive() {
    constexpr std::uint8_t last_vector = 0x21;
    set_interrupt_handler(last_vector, count);
    apic::send_to_all_but_self(last_vector);
    for (std::uint32_t cpu = 1; cpu < cpu_count(); ++cpu) {
        wait_for_delivery(cpu, last_vector, 1);
    }
}

GUEST_TEST(ipi, unicast_reaches_its_target_only, {.cpus = 4}) {
    set_interrupt_handler(test_vector, count);
    constexpr std::uint32_t rounds = 3;
    for (std::uint32_t round = 1; round <= rounds; ++round) {
        for (std::uint32_t cpu = 1; cpu < cpu_count(); ++cpu) {
            apic::send(cpu, test_vector);
            wait_for_delivery(cpu, test_vector, round);
        }
    }
    let_stragglers_arrive();
    GUEST_EXPECT_EQ(deliveries(0, test_vector), 0U);
    for (std::uint32_t cpu = 1; cpu < cpu_count(); ++cpu) {
        GUEST_EXPECT_EQ(deliveries(cpu, test_vector), rounds);
    }
}

GUEST_TEST(ipi, broadcast_reaches_all_others, {.cpus = 4}) {
    set_interrupt_handler(test_vector, count);
    constexpr std::uint32_t rounds = 3;
    for (std::uint32_t round = 1; round <= rounds; ++round) {
        apic::send_to_all_but_self(test_vector);
        for (std::uint32_t cpu = 1; cpu < cpu_count(); ++cpu) {
            wait_for_delivery(cpu, test_vector, round);
        }
    }
    let_stragglers_arrive();
    GUEST_EXPECT_EQ(deliveries(0, test_vector), 0U);
    for (std::uint32_t cpu = 1; cpu < cpu_count(); ++cpu) {
        GUEST_EXPECT_EQ(deliveries(cpu, test_vector), rounds);
    }
}

GUEST_TEST(ipi, self_ipi) {
    set_interrupt_handler(test_vector, count);
    constexpr std::uint32_t rounds = 5;
    for (std::uint32_t round = 1; round <= rounds; ++round) {
        apic::send_to_self(test_vector);
        wait_for_delivery(0, test_vector, round);
    }
    GUEST_EXPECT_EQ(deliveries(0, test_vector), rounds);
}

GUEST_TEST(ipi, held_back_while_interrupts_are_off) {
    set_interrupt_handler(test_vector, count);
    {
        const InterruptsOff guard;
        apic::send_to_self(test_vector);
        for (int i = 0; i < 100; ++i) {
            pause();
        }
        GUEST_EXPECT_EQ(deliveries(0, test_vector), 0U);
    }
    wait_for_delivery(0, test_vector, 1);
    GUEST_EXPECT_EQ(deliveries(0, test_vector), 1U);
}

GUEST_TEST(ipi, every_vector_is_delivered_exactly_once, {.cpus = 2}) {
    constexpr unsigned first = arch::first_interrupt_vector;
    const auto is_tested = [](unsigned vector) {
        return vector != wake_vector && vector != apic::spurious_vector;
    };
    for (unsigned vector = first; vector < 256; ++vector) {
        if (is_tested(vector)) {
            set_interrupt_handler(static_cast<std::uint8_t>(vector), count);
        }
    }
    for (unsigned vector = first; vector < 256; ++vector) {
        if (is_tested(vector)) {
            apic::send(1, static_cast<std::uint8_t>(vector));
            wait_for_delivery(1, static_cast<std::uint8_t>(vector), 1);
        }
    }
    for (unsigned vector = first; vector < 256; ++vector) {
        const std::uint32_t expected = is_tested(vector) ? 1 : 0;
        if (deliveries(1, static_cast<std::uint8_t>(vector)) != expected) {
            GUEST_LOG("vector {} was delivered {} times", vector,
                      deliveries(1, static_cast<std::uint8_t>(vector)));
            GUEST_EXPECT_EQ(deliveries(1, static_cast<std::uint8_t>(vector)), expected);
        }
        GUEST_EXPECT_EQ(deliveries(0, static_cast<std::uint8_t>(vector)), 0U);
    }
}

}  // namespace
}  // namespace nestbed::guest
