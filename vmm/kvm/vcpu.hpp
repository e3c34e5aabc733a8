// One virtual CPU (KVM API documentation, "vcpu ioctls").
#pragma once

#include <linux/kvm.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "vmm/kvm/ioctl.hpp"
#include "vmm/kvm/statistics.hpp"

namespace nestbed::kvm {

/// The variable-length argument of the CPUID ioctls.
///
/// <linux/kvm.h> declares struct kvm_cpuid2 with a flexible array whose C++ rendering in some
/// kernel headers has an empty struct of size 1 in front. That changes the structure's size, and
/// with it the ioctl numbers that encode it. So it is spelled out here, and the numbers are made
/// from the size of what is before the array.
struct CpuidList {
    static constexpr unsigned long get_supported = _IOWR(KVMIO, 0x05, std::uint32_t[2]);
    static constexpr unsigned long get_supported_hyperv = _IOWR(KVMIO, 0xc1, std::uint32_t[2]);
    static constexpr unsigned long set = _IOW(KVMIO, 0x90, std::uint32_t[2]);

    const kvm_cpuid_entry2* begin() const { return entries.data(); }
    const kvm_cpuid_entry2* end() const { return begin() + count; }
    kvm_cpuid_entry2* begin() { return entries.data(); }
    kvm_cpuid_entry2* end() { return begin() + count; }

    std::uint32_t count = 256;  ///< KVM_MAX_CPUID_ENTRIES
    std::uint32_t padding = 0;
    std::array<kvm_cpuid_entry2, 256> entries{};
};

/// struct kvm_msrs with one entry, spelled out as CpuidList is.
struct OneMsr {
    static constexpr unsigned long set = _IOW(KVMIO, 0x89, std::uint32_t[2]);

    std::uint32_t count = 1;
    std::uint32_t padding = 0;
    kvm_msr_entry entry{};
};

class Vcpu {
  public:
    Vcpu(vmm::Descriptor fd, std::size_t mapping_size)
        : fd_(std::move(fd)), mapping_(map_shared(fd_, "mmap of kvm_run", mapping_size)) {}

    /// KVM_RUN: 0 when the guest left for user space (see run_page().exit_reason), else the errno:
    /// EINTR for a signal or `immediate_exit`, EAGAIN for an AP that waits for INIT or SIPI, …
    int run() { return ::ioctl(fd_.get(), KVM_RUN, 0) < 0 ? errno : 0; }

    kvm_run& run_page() const { return *static_cast<kvm_run*>(mapping_.address()); }
    /// Another page of the mapping whose first is kvm_run.
    std::byte* page_of_mapping(std::size_t page) const {
        return static_cast<std::byte*>(mapping_.address()) + page * 4096;
    }

    kvm_regs registers() const {
        kvm_regs registers{};
        NESTBED_IOCTL(fd_, KVM_GET_REGS, &registers);
        return registers;
    }
    void set_registers(const kvm_regs& registers) { NESTBED_IOCTL(fd_, KVM_SET_REGS, &registers); }
    kvm_sregs special_registers() const {
        kvm_sregs registers{};
        NESTBED_IOCTL(fd_, KVM_GET_SREGS, &registers);
        return registers;
    }
    void set_special_registers(const kvm_sregs& registers) {
        NESTBED_IOCTL(fd_, KVM_SET_SREGS, &registers);
    }
    void set_cpuid(const CpuidList& list) {
        checked_ioctl(fd_, CpuidList::set, "KVM_SET_CPUID2", &list);
    }

    /// What the guest may see of Hyper-V; needs KVM_CAP_HYPERV_CPUID.
    CpuidList supported_hyperv_cpuid() const {
        CpuidList list;
        checked_ioctl(fd_, CpuidList::get_supported_hyperv, "KVM_GET_SUPPORTED_HV_CPUID", &list);
        return list;
    }

    void enable_capability(int capability) {
        kvm_enable_cap request{};
        request.cap = static_cast<std::uint32_t>(capability);
        NESTBED_IOCTL(fd_, KVM_ENABLE_CAP, &request);
    }

    /// False if KVM has no such MSR, or not this value for it.
    [[nodiscard]] bool set_msr(std::uint32_t index, std::uint64_t value) {
        OneMsr request;
        request.entry.index = index;
        request.entry.data = value;
        // KVM says how many it has set.
        return ::ioctl(fd_.get(), OneMsr::set, &request) == 1;
    }

    /// Runs at once instead of waiting for INIT and SIPI.
    void set_runnable() {
        const kvm_mp_state state{KVM_MP_STATE_RUNNABLE};
        NESTBED_IOCTL(fd_, KVM_SET_MP_STATE, &state);
    }

    /// KVM_MP_STATE_RUNNABLE, KVM_MP_STATE_HALTED, …
    std::uint32_t mp_state() const {
        kvm_mp_state state{};
        NESTBED_IOCTL(fd_, KVM_GET_MP_STATE, &state);
        return state.mp_state;
    }

    /// 0 if this KVM does not say.
    std::uint64_t tsc_khz() const {
        const int khz = ::ioctl(fd_.get(), KVM_GET_TSC_KHZ, 0);
        return khz > 0 ? static_cast<std::uint64_t>(khz) : 0;
    }

    /// Whether each instruction ends in KVM_EXIT_DEBUG; needs KVM_CAP_SET_GUEST_DEBUG.
    void set_single_step(bool on) {
        kvm_guest_debug debug{};
        debug.control = on ? KVM_GUESTDBG_ENABLE | KVM_GUESTDBG_SINGLESTEP : 0;
        NESTBED_IOCTL(fd_, KVM_SET_GUEST_DEBUG, &debug);
    }

    /// Interrupts the vCPU when it runs next.
    void send_nmi() { NESTBED_IOCTL(fd_, KVM_NMI); }

    /// This vCPU's dirty ring: `entries` of kvm_dirty_gfn, as many as the VM was given by
    /// KVM_CAP_DIRTY_LOG_RING. It outlives the vCPU.
    vmm::Mapping map_dirty_ring(std::uint32_t entries) const {
        return map_shared(fd_, "mmap of a dirty ring", entries * sizeof(kvm_dirty_gfn),
                          KVM_DIRTY_LOG_PAGE_OFFSET * ::sysconf(_SC_PAGESIZE));
    }

    /// Needs KVM_CAP_BINARY_STATS_FD. Waits, as any ioctl of a vCPU, until it is outside KVM_RUN.
    Statistics statistics() const {
        return Statistics(vmm::Descriptor(NESTBED_IOCTL(fd_, KVM_GET_STATS_FD)));
    }

  private:
    vmm::Descriptor fd_;
    vmm::Mapping mapping_;
};

}  // namespace nestbed::kvm
