#include "guest/kernel/timer.hpp"

#include "guest/kernel/instructions.hpp"
#include "shared/arch/msr.hpp"

namespace nestbed::guest::timer {

namespace {

/// KVM's APIC_BUS_CYCLE_NS is 1.
constexpr std::uint64_t counts_per_microsecond = 1000;
constexpr std::uint64_t divide_by_1 = 0b1011;
constexpr std::uint64_t one_shot = 0;
constexpr std::uint64_t periodic = 1U << 17;
constexpr std::uint64_t masked = 1U << 16;

void start_as(std::uint64_t mode, std::uint8_t vector, std::uint32_t microseconds) {
    write_msr(arch::msr::x2apic_divide, divide_by_1);
    write_msr(arch::msr::x2apic_timer, mode | vector);
    write_msr(arch::msr::x2apic_initial_count, microseconds * counts_per_microsecond);
}

}  // namespace

void start(std::uint8_t vector, std::uint32_t microseconds) {
    start_as(periodic, vector, microseconds);
}

void start_once(std::uint8_t vector, std::uint32_t microseconds) {
    start_as(one_shot, vector, microseconds);
}

void stop() {
    write_msr(arch::msr::x2apic_initial_count, 0);
    write_msr(arch::msr::x2apic_timer, masked);
}

}  // namespace nestbed::guest::timer
