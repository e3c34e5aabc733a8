#include "vmm/kvm/system.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstring>

namespace nestbed::kvm {

namespace {

using vmm::ErrorKind;
using vmm::throw_error;

constexpr char emulated_instead[] =
    "or use an emulated machine, which needs none: nestbed nested --paging npt -- COMMAND";

vmm::Descriptor open_kvm() {
    const int fd = ::open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (fd >= 0) {
        return vmm::Descriptor(fd);
    }
    switch (errno) {
        case ENOENT:
        case ENODEV:
        case ENXIO:
            throw_error(ErrorKind::host_lacks,
                        "no /dev/kvm: load kvm_intel or kvm_amd (modprobe), turn on VMX or SVM in "
                        "the firmware, or in a virtual machine have its host allow nested "
                        "virtualization; {}",
                        emulated_instead);
        case EACCES:
        case EPERM:
            throw_error(ErrorKind::host_lacks,
                        "no permission to open /dev/kvm: add yourself to its group (usermod -aG "
                        "kvm USER, then log in again) or run as root; {}",
                        emulated_instead);
        default:
            throw_error(ErrorKind::kernel_refused, "cannot open /dev/kvm: {}",
                        std::strerror(errno));
    }
}

}  // namespace

System::System() : fd_(open_kvm()) {
    const int version = ::ioctl(fd_.get(), KVM_GET_API_VERSION, 0);
    if (version < 0) {
        throw_error(ErrorKind::host_lacks, "/dev/kvm is not KVM's device ({}); {}",
                    std::strerror(errno), emulated_instead);
    }
    if (version != KVM_API_VERSION) {
        throw_error(ErrorKind::host_lacks, "/dev/kvm speaks API version {}, this program needs {}",
                    version, KVM_API_VERSION);
    }
}

}  // namespace nestbed::kvm
