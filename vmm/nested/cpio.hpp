// An initramfs as the Linux kernel unpacks it: a cpio archive in the "newc" format
// (Documentation/driver-api/early-userspace/buffer-format.rst).
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace nestbed::vmm {

class CpioArchive {
  public:
    /// A regular file at an absolute path; the folders on the way to it come by themselves.
    /// `mode`: its permission bits.
    void add_file(std::string_view path, std::string_view contents, std::uint32_t mode);
    void add_link(std::string_view path, std::string_view target);
    void add_folder(std::string_view path, std::uint32_t mode = 0755);
    void add_character_device(std::string_view path, std::uint32_t major, std::uint32_t minor);

    /// The archive, ended; nothing can be added any more.
    std::string finish() &&;

  private:
    struct Device {
        std::uint32_t major = 0;
        std::uint32_t minor = 0;
    };

    void add_parents(std::string_view path);
    void add(std::string_view path, std::uint32_t mode, std::string_view contents, Device device);
    void pad();

    std::string bytes_;
    std::set<std::string, std::less<>> paths_;
    std::uint32_t next_inode_ = 1;
};

}  // namespace nestbed::vmm
