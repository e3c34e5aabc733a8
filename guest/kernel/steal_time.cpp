#include "guest/kernel/steal_time.hpp"

#include <array>

#include "guest/kernel/cpu.hpp"
#include "guest/kernel/instructions.hpp"
#include "guest/kernel/kvm_features.hpp"
#include "shared/arch/kvm.hpp"
#include "shared/channel/abi.hpp"
#include "shared/channel/layout.hpp"

namespace nestbed::guest::steal_time {

namespace {

using arch::kvm::StealTime;

struct alignas(sizeof(StealTime)) Area {
    StealTime time;
};
constinit std::array<Area, channel::max_cpus> areas{};

}  // namespace

bool is_offered() { return has_kvm_features(arch::kvm::eax_steal_time); }

bool offers_tlb_flush() {
    return has_kvm_features(arch::kvm::eax_steal_time | arch::kvm::eax_pv_tlb_flush);
}

void enable() {
    if (is_offered()) {
        const auto mine = reinterpret_cast<std::uint64_t>(&areas[this_cpu_index()]);
        const std::uint64_t physical =
            mine - channel::layout::kernel_image + channel::layout::image_physical;
        write_msr(arch::kvm::msr_steal_time, physical | arch::kvm::msr_steal_time_enable);
    }
}

std::uint64_t stolen(std::uint32_t cpu) {
    const std::atomic_ref version(areas[cpu].time.version);
    const std::atomic_ref steal(areas[cpu].time.steal);
    for (;;) {
        // Acquire, both: the second look at the version comes after the value was read, which then
        // lies between the two.
        const std::uint32_t before = version.load(std::memory_order_acquire);
        const std::uint64_t value = steal.load(std::memory_order_acquire);
        if (before % 2 == 0 && version.load(std::memory_order_relaxed) == before) {
            return value;
        }
        pause();
    }
}

std::atomic<std::uint8_t>& preempted(std::uint32_t cpu) {
    return *reinterpret_cast<std::atomic<std::uint8_t>*>(&areas[cpu].time.preempted);
}

}  // namespace nestbed::guest::steal_time
