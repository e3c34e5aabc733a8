// One ioctl or mapping of KVM's, with its failure as an exception that names it.
#pragma once

#include <sys/ioctl.h>

#include <cerrno>
#include <cstring>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"

namespace nestbed::kvm {

[[noreturn]] inline void throw_ioctl_error(const char* name, int error) {
    vmm::throw_error(vmm::ErrorKind::kernel_refused, "{} failed: {} (errno {})", name,
                     std::strerror(error), error);
}

/// Returns the ioctl's value; a negative one is an exception.
template <typename Argument = int>
int checked_ioctl(const vmm::Descriptor& fd, unsigned long request, const char* name,
                  Argument argument = {}) {
    // KVM_CREATE_VM, among others, gives up at a signal for which it need not.
    const int result = vmm::uninterrupted([&] { return ::ioctl(fd.get(), request, argument); });
    if (result < 0) {
        throw_ioctl_error(name, errno);
    }
    return result;
}

/// `size` bytes that the VMM shares with KVM.
inline vmm::Mapping map_shared(const vmm::Descriptor& fd, const char* name, std::size_t size,
                               off_t offset = 0) {
    void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), offset);
    if (address == MAP_FAILED) {
        throw_ioctl_error(name, errno);
    }
    return {address, size};
}

}  // namespace nestbed::kvm

/// The ioctl `request`, named by itself in the error.
#define NESTBED_IOCTL(fd, request, ...) \
    ::nestbed::kvm::checked_ioctl(fd, request, #request __VA_OPT__(, ) __VA_ARGS__)
