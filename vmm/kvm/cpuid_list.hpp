// The variable-length argument of the CPUID ioctls.
//
// <linux/kvm.h> declares struct kvm_cpuid2 with a flexible array whose C++ rendering in some kernel
// headers has an empty struct of size 1 in front. That changes the structure's size, and with it
// the ioctl numbers that encode it. So it is spelled out here, and the numbers are made from the
// size of what is before the array.
#pragma once

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include <array>
#include <cstdint>

namespace nestbed::kvm {

struct CpuidList {
    static constexpr unsigned long get_supported = _IOWR(KVMIO, 0x05, std::uint32_t[2]);
    static constexpr unsigned long set = _IOW(KVMIO, 0x90, std::uint32_t[2]);

    const kvm_cpuid_entry2* begin() const { return entries.data(); }
    const kvm_cpuid_entry2* end() const { return begin() + count; }
    kvm_cpuid_entry2* begin() { return entries.data(); }
    kvm_cpuid_entry2* end() { return begin() + count; }

    std::uint32_t count = 256;  ///< KVM_MAX_CPUID_ENTRIES
    std::uint32_t padding = 0;
    std::array<kvm_cpuid_entry2, 256> entries{};
};

}  // namespace nestbed::kvm
