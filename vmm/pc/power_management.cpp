#include "vmm/pc/power_management.hpp"

#include <algorithm>
#include <cstring>
#include <thread>

#include "vmm/machine/vcpu_thread.hpp"
#include "vmm/pc/acpi_tables.hpp"
#include "vmm/pc/start_state.hpp"

namespace nestbed::vmm {

namespace {

// PM1 control register (4.8.3.2.1).
constexpr std::uint16_t system_control = 1 << 0;  // SCI_EN
constexpr std::uint16_t sleep_enable = 1 << 13;   // SLP_EN
constexpr unsigned sleep_type_shift = 10;         // SLP_TYP
constexpr unsigned sleep_types = 8;

// What QEMU's DSDT says of SLP_TYP; guests that read none count on it.
constexpr unsigned off = 0;
constexpr unsigned suspend_to_ram = 1;

/// 3.579545 MHz, 24 bits (4.8.3.3).
std::uint32_t ticks_in(std::chrono::nanoseconds time) {
    constexpr std::uint64_t per_second = 3'579'545;
    constexpr std::uint64_t nanoseconds = 1'000'000'000;
    constexpr std::uint32_t counter = (1U << 24) - 1;
    const auto passed = static_cast<std::uint64_t>(time.count());
    const std::uint64_t ticks =
        passed / nanoseconds * per_second + passed % nanoseconds * per_second / nanoseconds;
    return static_cast<std::uint32_t>(ticks) & counter;
}

/// `old` with those of its bytes, the first of which is at port `first`, that `access` writes.
std::uint32_t written_over(std::uint32_t old, const Access& access, std::uint16_t first) {
    const std::size_t offset = access.address - first;
    std::memcpy(reinterpret_cast<std::byte*>(&old) + offset, access.data.data(),
                std::min(access.data.size(), sizeof old - offset));
    return old;
}

/// From where in `value`, whose first byte is at port `first`, `access` reads.
Answer put_from(std::uint32_t value, const Access& access, std::uint16_t first) {
    return access.put(value >> 8 * (access.address - first));
}

}  // namespace

void PowerManagement::register_in(ExitTable& exits) {
    exits.add_port(acpi::timer_port, [this](const Access& access) -> Answer {
        return access.is_write ? std::nullopt
                               : access.put(ticks_in(std::chrono::steady_clock::now() - start_));
    });
    // No event is ever there; which ones are enabled is kept.
    exits.add_ports(acpi::event_port, 4, [this](const Access& access) -> Answer {
        const std::uint32_t both = std::uint32_t{enabled_.load(std::memory_order_relaxed)} << 16;
        if (!access.is_write) {
            return put_from(both, access, acpi::event_port);
        }
        const std::uint32_t written = written_over(both, access, acpi::event_port);
        enabled_.store(static_cast<std::uint16_t>(written >> 16), std::memory_order_relaxed);
        return std::nullopt;
    });
    exits.add_ports(acpi::control_port, 2,
                    [this](const Access& access) { return control(access); });
}

Answer PowerManagement::control(const Access& access) {
    const std::uint16_t old = control_.load(std::memory_order_relaxed);
    if (!access.is_write) {
        return put_from(old | system_control, access, acpi::control_port);
    }
    const auto value = static_cast<std::uint16_t>(written_over(old, access, acpi::control_port));
    control_.store(value & ~sleep_enable, std::memory_order_relaxed);
    if ((value & sleep_enable) == 0) {
        return std::nullopt;
    }
    switch (const unsigned type = value >> sleep_type_shift & (sleep_types - 1)) {
        case off:
            return access.end(Ending::finished, "the guest has switched its PC off");
        case suspend_to_ram:
            return suspend(access);
        default:
            return access.refuse(fmt::format("there is no sleep of type {} here", type));
    }
}

/// Wakes up as a PC's firmware leaves it: reset, but for memory, at the guest's waking vector.
Answer PowerManagement::suspend(const Access& access) const {
    if (cpus_ != 1) {
        return access.refuse("only a PC of one vCPU can sleep here");
    }
    const auto time = clock_.until_alarm(std::chrono::system_clock::now());
    if (!time) {
        return access.refuse("it sleeps, and has set no alarm of the clock to wake it");
    }
    const auto vector = memory_.read<std::uint32_t>(acpi::waking_vector);
    constexpr std::uint32_t real_mode_end = 1 << 20;
    if (!vector || *vector == 0 || *vector >= real_mode_end) {
        return access.refuse("it sleeps, and its waking vector in the FACS is none");
    }
    constexpr std::chrono::milliseconds look(10);
    const auto alarm = std::chrono::steady_clock::now() + *time;
    while (std::chrono::steady_clock::now() < alarm && !access.vcpu.is_stopped()) {
        std::this_thread::sleep_for(look);
    }
    set_real_mode_state(access.vcpu.vcpu(), static_cast<std::uint16_t>(*vector >> 4),
                        *vector & 0xF);
    return std::nullopt;
}

}  // namespace nestbed::vmm
