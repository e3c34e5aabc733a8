// An initramfs as the Linux kernel unpacks it: a cpio archive in the "newc" format
// (Documentation/driver-api/early-userspace/buffer-format.rst).
#pragma once

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

class CpioArchive {
  public:
    /// A file of any kind at an absolute path, with the folders on the way to it. Of several at one
    /// path the first stays. `mode` is as of stat(2); `contents` a regular file's, or where a link
    /// leads. Throws Error(input) if they are too large.
    void add(std::string_view path, std::uint32_t mode, std::string_view contents = "",
             dev_t device = 0) {
        // The kernel unpacks without leading slashes, into its root, which is there.
        const std::string_view name =
            path.substr(std::min(path.find_first_not_of('/'), path.size()));
        if (name.empty() || paths_.contains(name)) {
            return;
        }
        if (const std::size_t slash = name.rfind('/'); slash != std::string_view::npos) {
            add_folder(name.substr(0, slash));
        }
        paths_.emplace(name);
        // Of what the format can hold; all of it has to be in our memory, and in the machine's.
        constexpr std::uint64_t most = std::uint64_t{1} << 30;
        if (contents.size() + bytes_.size() > most) {
            throw_error(ErrorKind::input,
                        "{}: with it the machine's files are more than {} MiB (see nested --with)",
                        path, most >> 20);
        }
        const auto pad = [&] { bytes_.resize((bytes_.size() + 3) / 4 * 4); };
        // inode mode uid gid links mtime size device(2) special(2) name-size check
        const std::size_t fields[] = {
            next_inode_++,   mode, 0, 0, 1, 0, contents.size(), 0, 0, major(device), minor(device),
            name.size() + 1, 0};
        bytes_ += fmt::format("070701{:08x}{}", fmt::join(fields, ""), name) + '\0';
        pad();
        bytes_ += contents;
        pad();
    }

    void add_folder(std::string_view path) { add(path, S_IFDIR | 0755); }

    /// The archive, ended; nothing can be added any more.
    std::string finish() && {
        add("TRAILER!!!", 0);
        return std::move(bytes_);
    }

  private:
    std::string bytes_;
    std::set<std::string, std::less<>> paths_;
    std::uint32_t next_inode_ = 1;
};

}  // namespace nestbed::vmm
