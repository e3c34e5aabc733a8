#include "vmm/machine/vcpus.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "vmm/base/patience.hpp"
#include "vmm/machine/long_mode.hpp"

namespace nestbed::vmm {

Vcpus::Vcpus(const kvm::System& system, kvm::Vm& vm, std::uint32_t count)
    : Vcpus(system, vm, count, [supported = system.supported_cpuid(), count](std::uint32_t cpu) {
          return cpuid_of(supported, cpu, count);
      }) {}

Vcpus::Vcpus(const kvm::System& system, kvm::Vm& vm, std::uint32_t count,
             const std::function<kvm::CpuidList(std::uint32_t cpu)>& cpuid) {
    const std::size_t mapping_size = system.vcpu_mapping_size();
    for (std::uint32_t cpu = 0; cpu < count; ++cpu) {
        VcpuThread& thread = threads_.emplace_back(cpu, vm.create_vcpu(cpu, mapping_size));
        const kvm::CpuidList list = cpuid(cpu);
        thread.vcpu().set_cpuid(list);
        features_ = features_of(list);
    }
}

Outcome Vcpus::run(const ExitTable& exits, Placement placement, std::chrono::milliseconds timeout,
                   const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any ended;
    Answer first;  // guarded by mutex
    const auto end = [&](Outcome outcome) {
        const std::lock_guard lock(mutex);
        if (!first) {
            first = std::move(outcome);
        }
        ended.notify_all();
    };
    // Also when a thread cannot be started: what the others use must not go away under them.
    const auto stop_all = [](std::deque<VcpuThread>* threads) {
        std::ranges::for_each(*threads, &VcpuThread::stop);
        std::ranges::for_each(*threads, &VcpuThread::join);
    };
    const std::unique_ptr<std::deque<VcpuThread>, decltype(stop_all)> guard(&threads_, stop_all);
    const std::vector<std::uint32_t> host_cpus = usable_host_cpus();
    for (VcpuThread& thread : threads_) {
        thread.start(exits, end, host_cpu_of(placement, thread.cpu(), host_cpus));
    }
    std::unique_lock lock(mutex);
    for (Patience patience(timeout); !patience.is_over() && !stop.stop_requested();) {
        patience.begin_slice();
        if (ended.wait_for(lock, stop, patience.slice(), [&] { return first.has_value(); })) {
            return *first;
        }
        patience.end_slice();
    }
    if (first) {
        return *first;
    }
    return stop.stop_requested()
               ? Outcome{Ending::interrupted, 0, "interrupted"}
               : Outcome{Ending::timed_out, 0,
                         fmt::format("no end after {:.1f} s (--timeout)",
                                     std::chrono::duration<double>(timeout).count())};
}

void Vcpus::bring_out() const {
    for (const VcpuThread& thread : threads_) {
        thread.bring_out();
    }
}

}  // namespace nestbed::vmm
