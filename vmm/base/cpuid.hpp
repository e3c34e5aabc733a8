// What CPUID says of this processor.
#pragma once

#include <cpuid.h>

namespace nestbed::vmm {

/// False if there is no such leaf.
inline bool cpuid_ecx_bit(unsigned leaf, unsigned bit) {
    unsigned eax = 0;
    unsigned ebx = 0;
    unsigned ecx = 0;
    unsigned edx = 0;
    return __get_cpuid(leaf, &eax, &ebx, &ecx, &edx) != 0 && (ecx >> bit & 1) != 0;
}

/// True in a virtual machine.
inline bool is_below_hypervisor() {
    constexpr unsigned hypervisor_bit = 31;
    return cpuid_ecx_bit(1, hypervisor_bit);
}

}  // namespace nestbed::vmm
