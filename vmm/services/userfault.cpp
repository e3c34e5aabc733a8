#include "vmm/services/userfault.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {

namespace {

/// One that is told of KVM's faults as well, which are the kernel's.
int open_userfaultfd() {
    const Descriptor device(::open("/dev/userfaultfd", O_RDWR | O_CLOEXEC));
    const int faults = ::ioctl(device.get(), USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
    // Else Linux before 6.1, or a file that is not ours to open.
    return faults >= 0 ? faults
                       : static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
}

/// What a system call returned; a failure is thrown.
int checked(int result) {
    if (result < 0) {
        throw std::system_error(errno, std::generic_category());
    }
    return result;
}

/// Never written to: all of it is the host's zero page.
Mapping zeros(std::uint64_t bytes) {
    void* const address =
        ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    checked(address == MAP_FAILED ? -1 : 0);
    return {address, bytes};
}

}  // namespace

UserfaultFiles::UserfaultFiles()
    : faults_(open_userfaultfd()),
      error_(faults_.get() < 0 ? errno : 0),
      end_(::eventfd(0, EFD_CLOEXEC)) {
    // Kinds of faults and of memory need not be asked for: their bits in `features` say that the
    // kernel knows them, and UFFDIO_REGISTER refuses those that it does not.
    uffdio_api api{};
    api.api = UFFD_API;
    if (error_ == 0 && (end_.get() < 0 || ::ioctl(faults_.get(), UFFDIO_API, &api) != 0)) {
        error_ = errno;
    }
}

Userfault::Userfault(const UserfaultFiles& files, std::span<std::byte> pages,
                     std::uint64_t page_bytes, channel::UserfaultKind kind,
                     std::vector<std::uint32_t> host_cpus)
    : files_(files),
      range_{reinterpret_cast<std::uint64_t>(pages.data()), pages.size()},
      minor_(kind == channel::UserfaultKind::minor),
      zeros_(zeros(page_bytes)) {
    if (files.error() != 0) {
        throw std::system_error(files.error(), std::generic_category());
    }
    uffdio_register request{};
    request.range = range_;
    request.mode = minor_ ? UFFDIO_REGISTER_MODE_MINOR : UFFDIO_REGISTER_MODE_MISSING;
    checked(::ioctl(files.faults(), UFFDIO_REGISTER, &request));
    try {
        thread_ = std::thread([this, cpus = std::move(host_cpus)] {
            // Whoever starts this may be a vCPU's thread with a CPU to itself.
            spread_this_thread_over(cpus);
            serve();
        });
    } catch (...) {
        unregister();
        throw;
    }
}

Userfault::~Userfault() { stop(); }

Userfault::Served Userfault::stop() {
    if (thread_.joinable()) {
        // Again and again: the thread would wait for ever.
        while (::eventfd_write(files_.end(), 1) != 0) {
        }
        thread_.join();
        eventfd_t ended = 0;
        ::eventfd_read(files_.end(), &ended);  // for the next one
    }
    // Pages that stay registered would have whoever touches them wait for ever.
    const int unserved = unregister();
    return {pages_, error_ != 0 ? error_ : unserved};
}

int Userfault::unregister() const {
    uffdio_range range = range_;
    return ::ioctl(files_.faults(), UFFDIO_UNREGISTER, &range) == 0 ? 0 : errno;
}

void Userfault::serve() {
    while (true) {
        pollfd events[] = {{files_.faults(), POLLIN, 0}, {files_.end(), POLLIN, 0}};
        ::poll(events, 2, -1);
        if (events[1].revents != 0) {
            return;
        }
        uffd_msg message{};
        const ssize_t size = ::read(files_.faults(), &message, sizeof message);
        // EAGAIN: whoever waited was taken out of the wait by a signal.
        if (size == sizeof message && message.event == UFFD_EVENT_PAGEFAULT) {
            serve({message.arg.pagefault.address & ~(zeros_.size() - 1), zeros_.size()});
        }
    }
}

void Userfault::serve(uffdio_range page) {
    const int error = bring_in(page);
    if (error == 0) {
        ++pages_;
    } else if (error == EEXIST) {
        // Two vCPUs waited for it, and it came for the first.
        ::ioctl(files_.faults(), UFFDIO_WAKE, &page);
    } else {
        error_ = error;
        unregister();  // wakes whoever waits
    }
}

int Userfault::bring_in(uffdio_range page) const {
    uffdio_continue there{};
    there.range = page;
    uffdio_copy copy{};
    copy.dst = page.start;
    copy.src = reinterpret_cast<std::uint64_t>(zeros_.address());
    copy.len = page.len;
    const int result = minor_ ? ::ioctl(files_.faults(), UFFDIO_CONTINUE, &there)
                              : ::ioctl(files_.faults(), UFFDIO_COPY, &copy);
    return result == 0 ? 0 : errno;
}

}  // namespace nestbed::vmm
