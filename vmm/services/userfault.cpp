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

Descriptor registered(uffdio_range range, bool minor) {
    Descriptor faults(checked(open_userfaultfd()));
    // Kinds of faults and of memory need not be asked for: their bits in `features` say that the
    // kernel knows them, and UFFDIO_REGISTER refuses those that it does not.
    uffdio_api api{};
    api.api = UFFD_API;
    checked(::ioctl(faults.get(), UFFDIO_API, &api));
    uffdio_register request{};
    request.range = range;
    request.mode = minor ? UFFDIO_REGISTER_MODE_MINOR : UFFDIO_REGISTER_MODE_MISSING;
    checked(::ioctl(faults.get(), UFFDIO_REGISTER, &request));
    return faults;
}

/// Never written to: all of it is the host's zero page.
Mapping zeros(std::uint64_t bytes) {
    void* const address =
        ::mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    checked(address == MAP_FAILED ? -1 : 0);
    return {address, bytes};
}

}  // namespace

Userfault::Userfault(std::span<std::byte> pages, std::uint64_t page_bytes,
                     channel::UserfaultKind kind, std::vector<std::uint32_t> host_cpus)
    : range_{reinterpret_cast<std::uint64_t>(pages.data()), pages.size()},
      minor_(kind == channel::UserfaultKind::minor),
      faults_(registered(range_, minor_)),
      end_(checked(::eventfd(0, EFD_CLOEXEC))),
      zeros_(zeros(page_bytes)),
      thread_([this, cpus = std::move(host_cpus)] {
          // Whoever starts this may be a vCPU's thread with a CPU to itself.
          spread_this_thread_over(cpus);
          serve();
      }) {}

Userfault::~Userfault() { stop(); }

Userfault::Served Userfault::stop() {
    if (thread_.joinable()) {
        ::eventfd_write(end_.get(), 1);
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
        uffd_msg message{};
        const ssize_t size = ::read(faults_.get(), &message, sizeof message);
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
        ::ioctl(faults_.get(), UFFDIO_WAKE, &page);
    } else {
        error_ = error;
        ::ioctl(faults_.get(), UFFDIO_UNREGISTER, &range_);  // wakes whoever waits
    }
}

int Userfault::bring_in(uffdio_range page) const {
    uffdio_continue there{};
    there.range = page;
    uffdio_copy copy{};
    copy.dst = page.start;
    copy.src = reinterpret_cast<std::uint64_t>(zeros_.address());
    copy.len = page.len;
    const int result = minor_ ? ::ioctl(faults_.get(), UFFDIO_CONTINUE, &there)
                              : ::ioctl(faults_.get(), UFFDIO_COPY, &copy);
    return result == 0 ? 0 : errno;
}

}  // namespace nestbed::vmm
