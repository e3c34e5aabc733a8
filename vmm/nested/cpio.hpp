// An initramfs as the Linux kernel unpacks it: a cpio archive in the "newc" format
// (Documentation/driver-api/early-userspace/buffer-format.rst).
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace nestbed::vmm {

class CpioArchive {
  public:
    /// A file of any kind at an absolute path; the folders on the way to it come by themselves.
    /// Of several at one path the first stays. `mode` is its kind and its permissions, as of
    /// stat(2); `contents` a regular file's, or where a link leads. Throws Error(input) if they are
    /// too large.
    void add(std::string_view path, std::uint32_t mode, std::string_view contents = "",
             dev_t device = 0);
    void add_folder(std::string_view path) { add(path, S_IFDIR | 0755); }

    /// The archive, ended; nothing can be added any more.
    std::string finish() &&;

  private:
    std::string bytes_;
    std::set<std::string, std::less<>> paths_;
    std::uint32_t next_inode_ = 1;
};

}  // namespace nestbed::vmm
