// /dev/kvm itself (KVM API documentation, 4.1 to 4.46: "system ioctls").
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "vmm/base/descriptor.hpp"
#include "vmm/kvm/device.hpp"
#include "vmm/kvm/ioctl.hpp"
#include "vmm/kvm/vm.hpp"

namespace nestbed::kvm {

class System {
  public:
    /// Opens /dev/kvm. If that cannot be, the exception says why and what would help.
    System() : fd_(open_kvm()) {
        const int version = ::ioctl(fd_.get(), KVM_GET_API_VERSION, 0);
        if (version < 0) {
            vmm::throw_error(vmm::ErrorKind::host_lacks, "/dev/kvm is not KVM's device ({}); {}",
                             std::strerror(errno), emulated_instead);
        }
        if (version != KVM_API_VERSION) {
            vmm::throw_error(vmm::ErrorKind::host_lacks,
                             "/dev/kvm speaks API version {}, this program needs {}", version,
                             KVM_API_VERSION);
        }
    }

    /// KVM_CHECK_EXTENSION: 0 if absent, else a value whose meaning depends on the capability.
    int extension(int capability) const {
        return NESTBED_IOCTL(fd_, KVM_CHECK_EXTENSION, capability);
    }

    /// What the guest may see (KVM_GET_SUPPORTED_CPUID).
    CpuidList supported_cpuid() const {
        CpuidList list;
        checked_ioctl(fd_, CpuidList::get_supported, "KVM_GET_SUPPORTED_CPUID", &list);
        return list;
    }

    /// What the guest may see of Hyper-V, or nothing if this KVM does not say.
    std::optional<CpuidList> supported_hyperv_cpuid() const {
        if (extension(KVM_CAP_SYS_HYPERV_CPUID) > 0) {
            CpuidList list;
            checked_ioctl(fd_, CpuidList::get_supported_hyperv, "KVM_GET_SUPPORTED_HV_CPUID",
                          &list);
            return list;
        }
        if (extension(KVM_CAP_HYPERV_CPUID) <= 0) {
            return std::nullopt;
        }
        // Older than Linux 5.11: only a vCPU says it, and all only with a local APIC of KVM's.
        Vm vm = create_vm();
        vm.create_irqchip();
        return vm.create_vcpu(0, vcpu_mapping_size()).supported_hyperv_cpuid();
    }

    /// Bytes of a vCPU's shared kvm_run page and what follows it.
    std::size_t vcpu_mapping_size() const {
        return static_cast<std::size_t>(NESTBED_IOCTL(fd_, KVM_GET_VCPU_MMAP_SIZE));
    }

    Vm create_vm() const {
        const int fd = vmm::uninterrupted([&] { return ::ioctl(fd_.get(), KVM_CREATE_VM, 0UL); });
        if (fd < 0 && errno == EBUSY) {
            throw vmm::Error(vmm::ErrorKind::host_lacks, problem_text({.error = EBUSY}));
        }
        if (fd < 0) {
            throw_ioctl_error("KVM_CREATE_VM", errno);
        }
        return Vm(vmm::Descriptor(fd));
    }

    /// Of /dev/kvm.
    int descriptor() const { return fd_.get(); }

  private:
    static vmm::Descriptor open_kvm() {
        const int fd = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
            return vmm::Descriptor(fd);
        }
        const int error = errno;
        const bool is_of_the_host = error != EMFILE && error != ENFILE && error != ENOMEM;
        throw vmm::Error(
            is_of_the_host ? vmm::ErrorKind::host_lacks : vmm::ErrorKind::kernel_refused,
            problem_text(find_device_facts(error)));
    }

    vmm::Descriptor fd_;
};

}  // namespace nestbed::kvm
