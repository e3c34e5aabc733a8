// The shootdown platform of a guest: a real APIC, real TLBs.
#pragma once

#include "guest/kernel/address_space.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "shared/shootdown/platform.hpp"

namespace nestbed::guest {

/// Vector of shootdown interrupts.
inline constexpr std::uint8_t shootdown_vector = 0xE0;

struct GuestPlatform {
    using Space = AddressSpace;

    std::uint32_t current_cpu() const { return this_cpu_index(); }

    shootdown::CpuSet active_cpus(const AddressSpace& space) const { return space.active(); }

    void send_interrupt(shootdown::CpuSet targets) const {
        targets.for_each([](std::uint32_t cpu) { apic::send(cpu, shootdown_vector); });
    }

    void invalidate(const AddressSpace& space, const shootdown::PageRange& range) const {
        if (active_spaces.current(this_cpu_index()) == &space) {
            range.for_each([](paging::VirtAddr address) { invlpg(address.raw()); });
        }
    }

    void pause() const { guest::pause(); }
};
static_assert(shootdown::Platform<GuestPlatform>);

}  // namespace nestbed::guest
