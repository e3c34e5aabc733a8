#include "vmm/services/userfault.hpp"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {

namespace {

/// One that is told of KVM's faults as well, which are the kernel's.
int open_userfaultfd() {
    const Descriptor device(::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
    if (device.get() >= 0) {
        const int faults = ::ioctl(device.get(), USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
        if (faults >= 0) {
            return faults;
        }
    }
    // Linux before 6.1, or a file that is not ours to open.
    return static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
}

std::uint64_t features_for(Backing backing, channel::UserfaultKind kind) {
    const bool minor = kind == channel::UserfaultKind::minor;
    switch (backing) {
        case Backing::anon:
        case Backing::thp:
            return 0;
        case Backing::memfd:
            return minor ? UFFD_FEATURE_MINOR_SHMEM : UFFD_FEATURE_MISSING_SHMEM;
        case Backing::hugetlb_2m:
        case Backing::hugetlb_1g:
            return minor ? UFFD_FEATURE_MINOR_HUGETLBFS : UFFD_FEATURE_MISSING_HUGETLBFS;
    }
    return 0;
}

int enable(int faults, Backing backing, channel::UserfaultKind kind) {
    uffdio_api api{};
    api.api = UFFD_API;
    api.features = features_for(backing, kind);
    return ::ioctl(faults, UFFDIO_API, &api) == 0 ? 0 : errno;
}

int register_range(int faults, std::uint64_t address, std::uint64_t bytes,
                   channel::UserfaultKind kind) {
    uffdio_register range{};
    range.range = {address, bytes};
    range.mode = kind == channel::UserfaultKind::minor ? UFFDIO_REGISTER_MODE_MINOR
                                                       : UFFDIO_REGISTER_MODE_MISSING;
    return ::ioctl(faults, UFFDIO_REGISTER, &range) == 0 ? 0 : errno;
}

}  // namespace

std::unique_ptr<Userfault> Userfault::start(const HostMemory& memory, Range range,
                                            channel::UserfaultKind kind,
                                            std::vector<std::uint32_t> host_cpus, int& error) {
    const Backing backing = memory.backing().kind;
    const std::uint64_t address = reinterpret_cast<std::uint64_t>(memory.address()) + range.offset;
    Descriptor faults(open_userfaultfd());
    Descriptor end(faults.get() < 0 ? -1 : ::eventfd(0, EFD_CLOEXEC));
    if (end.get() < 0) {
        error = errno;
        return nullptr;
    }
    error = enable(faults.get(), backing, kind);
    if (error == 0) {
        error = register_range(faults.get(), address, range.bytes, kind);
    }
    if (error != 0) {
        return nullptr;
    }
    // Never written to: all of it is the host's zero page.
    void* const zeros = ::mmap(nullptr, page_bytes(backing), PROT_READ,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (zeros == MAP_FAILED) {
        error = errno;
        return nullptr;
    }
    std::unique_ptr<Userfault> started(new Userfault(std::move(faults), std::move(end),
                                                     Mapping(zeros, page_bytes(backing)), address,
                                                     range.bytes, kind));
    started->thread_ = std::thread([served = started.get(), cpus = std::move(host_cpus)] {
        // Whoever starts this may be a vCPU's thread with a CPU to itself.
        spread_this_thread_over(cpus);
        served->serve();
    });
    return started;
}

Userfault::~Userfault() { static_cast<void>(stop()); }

Userfault::Served Userfault::stop() {
    if (thread_.joinable()) {
        const std::uint64_t one = 1;
        [[maybe_unused]] const ssize_t written = ::write(end_.get(), &one, sizeof one);
        thread_.join();
    }
    return {pages_, error_};
}

void Userfault::serve() {
    while (true) {
        pollfd events[] = {{faults_.get(), POLLIN, 0}, {end_.get(), POLLIN, 0}};
        ::poll(events, 2, -1);
        if (events[1].revents != 0) {
            return;
        }
        serve_one();
    }
}

void Userfault::serve_one() {
    uffd_msg message{};
    const ssize_t size = ::read(faults_.get(), &message, sizeof message);
    // EAGAIN: whoever waited was taken out of the wait by a signal.
    if (size != sizeof message || message.event != UFFD_EVENT_PAGEFAULT) {
        return;
    }
    const std::uint64_t page = message.arg.pagefault.address & ~(zeros_.size() - 1);
    const int error = bring_in(page);
    if (error == 0) {
        ++pages_;
    } else if (error == EEXIST) {
        // Two vCPUs waited for it, and it came for the first.
        uffdio_range range{page, zeros_.size()};
        ::ioctl(faults_.get(), UFFDIO_WAKE, &range);
    } else {
        give_up(error);
    }
}

int Userfault::bring_in(std::uint64_t page) const {
    if (kind_ == channel::UserfaultKind::minor) {
        uffdio_continue there{};
        there.range = {page, zeros_.size()};
        return ::ioctl(faults_.get(), UFFDIO_CONTINUE, &there) == 0 ? 0 : errno;
    }
    uffdio_copy copy{};
    copy.dst = page;
    copy.src = reinterpret_cast<std::uint64_t>(zeros_.address());
    copy.len = zeros_.size();
    return ::ioctl(faults_.get(), UFFDIO_COPY, &copy) == 0 ? 0 : errno;
}

void Userfault::give_up(int error) {
    error_ = error;
    uffdio_range range{range_address_, range_bytes_};
    ::ioctl(faults_.get(), UFFDIO_UNREGISTER, &range);  // wakes whoever waits
}

}  // namespace nestbed::vmm
