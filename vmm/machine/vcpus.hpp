// All vCPUs of a VM, and their run.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <stop_token>

#include "shared/channel/boot_info.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/machine/exit_table.hpp"
#include "vmm/machine/host_cpus.hpp"
#include "vmm/machine/vcpu_thread.hpp"

namespace nestbed::vmm {

class Vcpus {
  public:
    /// `vm` is to have `count` of them; it must outlive them. They see all that KVM supports.
    Vcpus(const kvm::System& system, kvm::Vm& vm, std::uint32_t count);
    /// Each sees the CPUID that `cpuid` has for its number.
    Vcpus(const kvm::System& system, kvm::Vm& vm, std::uint32_t count,
          const std::function<kvm::CpuidList(std::uint32_t cpu)>& cpuid);

    std::uint32_t count() const { return static_cast<std::uint32_t>(threads_.size()); }
    const kvm::Vcpu& operator[](std::uint32_t cpu) const { return threads_[cpu].vcpu(); }
    kvm::Vcpu& operator[](std::uint32_t cpu) { return threads_[cpu].vcpu(); }
    /// What their CPUID says about paging.
    const channel::Features& features() const { return features_; }

    /// Runs them until one ends it, the deadline passes or `stop` is requested; then none runs any
    /// more. Once only.
    Outcome run(const ExitTable& exits, Placement placement, std::chrono::milliseconds timeout,
                const std::stop_token& stop);

    /// VcpuThread::bring_out() of each.
    void bring_out() const;

  private:
    channel::Features features_{};
    std::deque<VcpuThread> threads_;  // whose elements stay where they are
};

}  // namespace nestbed::vmm
