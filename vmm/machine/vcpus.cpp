#include "vmm/machine/vcpus.hpp"

#include <fmt/format.h>

#include "vmm/machine/long_mode.hpp"

namespace nestbed::vmm {

namespace {

/// However its scope is left, no vCPU runs any more.
class StopAtExit {
  public:
    explicit StopAtExit(std::deque<VcpuThread>& threads) : threads_(threads) {}
    ~StopAtExit() {
        for (VcpuThread& thread : threads_) {
            thread.stop();
        }
        for (VcpuThread& thread : threads_) {
            thread.join();
        }
    }
    StopAtExit(const StopAtExit&) = delete;
    StopAtExit& operator=(const StopAtExit&) = delete;

  private:
    std::deque<VcpuThread>& threads_;
};

}  // namespace

Vcpus::Vcpus(const kvm::System& system, kvm::Vm& vm, std::uint32_t count) {
    const kvm::CpuidList supported = system.supported_cpuid();
    features_ = features_of(supported);
    const std::size_t mapping_size = system.vcpu_mapping_size();
    for (std::uint32_t cpu = 0; cpu < count; ++cpu) {
        VcpuThread& thread = threads_.emplace_back(cpu, vm.create_vcpu(cpu, mapping_size));
        thread.vcpu().set_cpuid(cpuid_of(supported, cpu, count));
    }
}

Outcome Vcpus::run(const ExitTable& exits, Placement placement, std::chrono::milliseconds timeout,
                   const std::stop_token& stop) {
    // Also when a thread cannot be started: what the others use must not go away under them.
    const StopAtExit guard(threads_);
    const std::vector<std::uint32_t> host_cpus = usable_host_cpus();
    const auto end = [this](Outcome outcome) {
        const std::lock_guard lock(mutex_);
        if (!outcome_) {
            outcome_ = std::move(outcome);
        }
        ended_.notify_all();
    };
    for (VcpuThread& thread : threads_) {
        thread.start(exits, end, host_cpu_of(placement, thread.cpu(), host_cpus));
    }
    {
        std::unique_lock lock(mutex_);
        const bool ended =
            ended_.wait_for(lock, stop, timeout, [&] { return outcome_.has_value(); });
        if (!ended) {
            outcome_ = stop.stop_requested()
                           ? Outcome{Ending::interrupted, 0, "interrupted"}
                           : Outcome{Ending::timed_out, 0,
                                     fmt::format("no end after {:.1f} s (--timeout)",
                                                 std::chrono::duration<double>(timeout).count())};
        }
    }
    return *outcome_;
}

void Vcpus::bring_out() const {
    for (const VcpuThread& thread : threads_) {
        thread.bring_out();
    }
}

}  // namespace nestbed::vmm
