// /dev/kvm itself (KVM API documentation, 4.1 to 4.46: "system ioctls").
#pragma once

#include <cstddef>

#include "vmm/base/descriptor.hpp"
#include "vmm/kvm/cpuid_list.hpp"
#include "vmm/kvm/ioctl.hpp"
#include "vmm/kvm/vm.hpp"

namespace nestbed::kvm {

class System {
  public:
    /// Opens /dev/kvm. If that cannot be, the exception says why and what would help.
    System();

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
    vmm::Descriptor fd_;
};

}  // namespace nestbed::kvm
