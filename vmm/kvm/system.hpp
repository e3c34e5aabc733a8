// /dev/kvm itself (KVM API documentation, 4.1 to 4.46: "system ioctls").
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "vmm/base/descriptor.hpp"
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

    /// Bytes of a vCPU's shared kvm_run page and what follows it.
    std::size_t vcpu_mapping_size() const {
        return static_cast<std::size_t>(NESTBED_IOCTL(fd_, KVM_GET_VCPU_MMAP_SIZE));
    }

    Vm create_vm() const { return Vm(vmm::Descriptor(NESTBED_IOCTL(fd_, KVM_CREATE_VM, 0UL))); }

  private:
    static constexpr char emulated_instead[] =
        "or use an emulated machine, which needs none: nestbed nested --paging npt -- COMMAND";

    static vmm::Descriptor open_kvm() {
        const int fd = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
        if (fd >= 0) {
            return vmm::Descriptor(fd);
        }
        switch (errno) {
            case ENOENT:
            case ENODEV:
            case ENXIO:
                vmm::throw_error(
                    vmm::ErrorKind::host_lacks,
                    "no /dev/kvm: load kvm_intel or kvm_amd (modprobe), turn on VMX or SVM in "
                    "the firmware, or in a virtual machine have its host allow nested "
                    "virtualization; {}",
                    emulated_instead);
            case EACCES:
            case EPERM:
                vmm::throw_error(
                    vmm::ErrorKind::host_lacks,
                    "no permission to open /dev/kvm: add yourself to its group (usermod -aG "
                    "kvm USER, then log in again) or run as root; {}",
                    emulated_instead);
            default:
                vmm::throw_error(vmm::ErrorKind::kernel_refused, "cannot open /dev/kvm: {}",
                                 std::strerror(errno));
        }
    }

    vmm::Descriptor fd_;
};

}  // namespace nestbed::kvm
