// Bringing in pages of guest memory ourselves, one by one as they are touched (userfaultfd, Linux
// Documentation/admin-guide/mm/userfaultfd.rst): what post-copy migration does.
#pragma once

#include <linux/userfaultfd.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <thread>
#include <vector>

#include "shared/channel/host_operation.hpp"
#include "vmm/base/descriptor.hpp"

namespace nestbed::vmm {

/// What it takes, opened: when a guest asks for it, nothing can be opened any more.
class UserfaultFiles {
  public:
    UserfaultFiles();

    /// Why there is no userfaultfd (errno): EPERM without privilege, ENOSYS if the kernel has none;
    /// or 0.
    int error() const { return error_; }
    int faults() const { return faults_.get(); }
    /// An eventfd.
    int end() const { return end_.get(); }

  private:
    Descriptor faults_;
    int error_;
    Descriptor end_;
};

class Userfault {
  public:
    /// From now on the faults of this kind in `pages`, of vCPUs as well, are served by a thread on
    /// any of these host CPUs; dropping the pages, so that there are such faults, is up to the
    /// caller. Throws std::system_error if the kernel refuses: for the error of `files`, or EINVAL
    /// if it does not know this kind of fault in such memory. The memory, whose pages have
    /// `page_bytes`, must outlive it, and so must `files`, of which one at a time makes use.
    Userfault(const UserfaultFiles& files, std::span<std::byte> pages, std::uint64_t page_bytes,
              channel::UserfaultKind kind, std::vector<std::uint32_t> host_cpus);

    /// Whoever still waits goes on: the kernel serves its fault.
    ~Userfault();
    Userfault(const Userfault&) = delete;
    Userfault& operator=(const Userfault&) = delete;

    struct Served {
        std::uint64_t pages;
        int error;  ///< why it stopped early (errno); the kernel serves the faults since. Or 0.
    };
    /// Ends the thread, and leaves the pages to the kernel.
    Served stop();

  private:
    /// Returns 0, or why the kernel refused (errno).
    int unregister() const;
    void serve();
    void serve(uffdio_range page);
    /// Returns 0, or why the kernel refused (errno).
    int bring_in(uffdio_range page) const;

    const UserfaultFiles& files_;
    uffdio_range range_;
    bool minor_;
    Mapping zeros_;  ///< a page of the backing's size
    // The thread's, until it is joined.
    std::uint64_t pages_ = 0;
    int error_ = 0;
    std::thread thread_;
};

}  // namespace nestbed::vmm
