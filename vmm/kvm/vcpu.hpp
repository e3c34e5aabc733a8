// One virtual CPU (KVM API documentation, "vcpu ioctls").
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <span>

#include "vmm/base/descriptor.hpp"
#include "vmm/kvm/statistics.hpp"

namespace nestbed::kvm {

class Vcpu {
  public:
    Vcpu(vmm::Descriptor fd, std::size_t mapping_size);

    /// KVM_RUN: 0 when the guest left for user space (see run_page().exit_reason), else the errno:
    /// EINTR for a signal or `immediate_exit`, EAGAIN for an AP that waits for INIT or SIPI, …
    int run() { return ::ioctl(fd_.get(), KVM_RUN, 0) < 0 ? errno : 0; }

    kvm_run& run_page() const { return *static_cast<kvm_run*>(mapping_.address()); }
    /// Another page of the mapping whose first is kvm_run.
    std::byte* page_of_mapping(std::size_t page) const {
        return static_cast<std::byte*>(mapping_.address()) + page * 4096;
    }

    kvm_regs registers() const;
    void set_registers(const kvm_regs& registers);
    kvm_sregs special_registers() const;
    void set_special_registers(const kvm_sregs& registers);
    void set_cpuid(std::span<const kvm_cpuid_entry2> entries);

    /// KVM_SET_MP_STATE: runs at once instead of waiting for INIT and SIPI.
    void set_runnable();

    /// KVM_GET_MP_STATE: KVM_MP_STATE_RUNNABLE, KVM_MP_STATE_HALTED, …
    std::uint32_t mp_state() const;

    /// KVM_GET_TSC_KHZ; 0 if this KVM does not say.
    std::uint64_t tsc_khz() const;

    /// KVM_SET_GUEST_DEBUG: whether KVM_RUN returns after each instruction, with KVM_EXIT_DEBUG;
    /// needs KVM_CAP_SET_GUEST_DEBUG.
    void set_single_step(bool on);

    /// KVM_NMI: interrupts the vCPU when it runs next.
    void send_nmi();

    /// This vCPU's dirty ring: `entries` of kvm_dirty_gfn, as many as the VM was given by
    /// KVM_CAP_DIRTY_LOG_RING. It outlives the vCPU.
    vmm::Mapping map_dirty_ring(std::uint32_t entries) const;

    /// KVM_GET_STATS_FD; needs KVM_CAP_BINARY_STATS_FD. Waits until the vCPU is outside KVM_RUN, as
    /// every ioctl of a vCPU does.
    Statistics statistics() const;

  private:
    vmm::Descriptor fd_;
    vmm::Mapping mapping_;
};

}  // namespace nestbed::kvm
