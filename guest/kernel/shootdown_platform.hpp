// The shootdown platform of a guest: a real APIC, real TLBs.
#pragma once

#include <atomic>
#include <cstdint>

#include "guest/kernel/address_space.hpp"
#include "guest/kernel/apic.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/flush.hpp"
#include "guest/kernel/hypercall.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/routing.hpp"
#include "guest/kernel/smp.hpp"
#include "guest/kernel/steal_time.hpp"
#include "shared/channel/abi.hpp"
#include "shared/shootdown/paravirtual.hpp"
#include "shared/shootdown/platform.hpp"

namespace nestbed::guest {

/// Vector of shootdown interrupts.
inline constexpr std::uint8_t shootdown_vector = 0xE0;

struct GuestPlatform {
    using Space = AddressSpace;
    template <typename T>
    using Atomic = std::atomic<T>;
    static constexpr std::uint32_t max_cpus = channel::max_cpus;

    // Set before the first shootdown.
    Routing routing = Routing::unicast;
    FlushPolicy flush_policy{};
    bool may_yield = false;  ///< by hypercall, which must be known to come back

    std::uint32_t cpu_count() const { return guest::cpu_count(); }
    void fence() const { std::atomic_thread_fence(std::memory_order_seq_cst); }

    std::uint32_t current_cpu() const { return this_cpu_index(); }

    shootdown::CpuSet active_cpus(const AddressSpace& space) const { return space.active(); }

    void send_interrupt(shootdown::CpuSet targets) const {
        send(routing, targets, shootdown_vector);
    }
    /// NMIs go one by one: whatever the routing, an NMI to a CPU that was not asked is one too many
    /// for everyone who uses NMIs.
    void send_nmi(shootdown::CpuSet targets) const { targets.for_each(apic::send_nmi_to_existing); }

    void invalidate(const AddressSpace& space, const shootdown::Request& request) const {
        if (active_spaces.current(this_cpu_index()) == &space) {
            flush(request, flush_policy);
        }
    }
    void invalidate_always(const shootdown::Request& request) const {
        flush(request, flush_policy);
    }

    std::atomic<std::uint64_t>& tlb_generation(AddressSpace& space) const {
        return space.tlb_generation();
    }

    std::atomic<std::uint8_t>& preempted(std::uint32_t cpu) const {
        return steal_time::preempted(cpu);
    }
    void yield_to(std::uint32_t cpu) const {
        // Of a CPU that runs, the call would cost more than the wait. Relaxed: a hint.
        const std::uint8_t state = preempted(cpu).load(std::memory_order_relaxed);
        if (may_yield && (state & shootdown::kvm_vcpu_preempted) != 0) {
            hypercall::yield_to(cpu);
        }
    }

    void pause() const { guest::pause(); }
};
static_assert(shootdown::Platform<GuestPlatform>);

}  // namespace nestbed::guest
