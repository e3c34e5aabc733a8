#include "guest/kernel/routing.hpp"

#include "guest/kernel/apic.hpp"
#include "guest/kernel/cpu.hpp"
#include "guest/kernel/hypercall.hpp"
#include "guest/kernel/smp.hpp"

namespace nestbed::guest {

namespace {

constexpr std::uint32_t cpus_per_cluster = 16;

shootdown::CpuSet all_but_self() {
    const std::uint64_t all = ~std::uint64_t{0} >> (64 - cpu_count());
    return shootdown::CpuSet(all).without(this_cpu_index());
}

void send_by_cluster(shootdown::CpuSet targets, std::uint8_t vector) {
    for (std::uint32_t cluster = 0; cluster * cpus_per_cluster < cpu_count(); ++cluster) {
        const auto members =
            static_cast<std::uint16_t>(targets.bits() >> cluster * cpus_per_cluster);
        if (members != 0) {
            apic::send_to_cluster(cluster, members, vector);
        }
    }
}

}  // namespace

void send(Routing routing, shootdown::CpuSet targets, std::uint8_t vector) {
    switch (routing) {
        case Routing::unicast:
            targets.for_each([&](std::uint32_t cpu) { apic::send_to_existing(cpu, vector); });
            return;
        case Routing::cluster:
            send_by_cluster(targets, vector);
            return;
        case Routing::all_but_self:
            // The shorthand cannot leave anyone out.
            if (targets == all_but_self()) {
                apic::send_to_all_but_self(vector);
            } else {
                send_by_cluster(targets, vector);
            }
            return;
        case Routing::hypercall:
            hypercall::send_interrupt(targets, vector);
            return;
    }
}

}  // namespace nestbed::guest
