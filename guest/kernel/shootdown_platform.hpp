// The shootdown platform of a guest: a real APIC, real TLBs.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest/kernel/address_space.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/smp.hpp"
#include "shared/channel/abi.hpp"
#include "shared/shootdown/platform.hpp"

namespace nestbed::guest {

/// Vector of shootdown interrupts.
inline constexpr std::uint8_t shootdown_vector = 0xE0;

struct GuestPlatform {
    using Space = AddressSpace;
    template <typename T>
    using Atomic = std::atomic<T>;
    static constexpr std::uint32_t max_cpus = channel::max_cpus;

    std::uint32_t cpu_count() const { return guest::cpu_count(); }
    void fence() const { std::atomic_thread_fence(std::memory_order_seq_cst); }

    std::uint32_t current_cpu() const { return this_cpu_index(); }

    shootdown::CpuSet active_cpus(const AddressSpace& space) const { return space.active(); }

    void send_interrupt(shootdown::CpuSet targets) const {
        targets.for_each([](std::uint32_t cpu) { apic::send(cpu, shootdown_vector); });
    }

    void invalidate(const AddressSpace& space, const shootdown::Request& request) const {
        if (active_spaces.current(this_cpu_index()) != &space) {
            return;
        }
        if (request.everything) {
            flush_tlb();
        } else {
            request.pages.for_each([](paging::VirtAddr address) { invlpg(address.raw()); });
        }
    }

    void pause() const { guest::pause(); }
};
static_assert(shootdown::Platform<GuestPlatform>);

}  // namespace nestbed::guest
