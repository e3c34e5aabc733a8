#include "vmm/nested/cpio.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <utility>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

/// The kernel unpacks without leading slashes, into its root.
std::string_view relative(std::string_view path) {
    while (path.starts_with('/')) {
        path.remove_prefix(1);
    }
    return path;
}

}  // namespace

void CpioArchive::add_file(std::string_view path, std::string_view contents, std::uint32_t mode) {
    add_parents(path);
    add(path, S_IFREG | mode, contents, {});
}

void CpioArchive::add_folder(std::string_view path, std::uint32_t mode) {
    if (!relative(path).empty() && !paths_.contains(relative(path))) {
        add_parents(path);
        add(path, S_IFDIR | mode, "", {});
    }
}

void CpioArchive::add_link(std::string_view path, std::string_view target) {
    add_parents(path);
    add(path, S_IFLNK | 0777, target, {});
}

void CpioArchive::add_character_device(std::string_view path, std::uint32_t major,
                                       std::uint32_t minor) {
    add_parents(path);
    add(path, S_IFCHR | 0600, "", {major, minor});
}

void CpioArchive::add_parents(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    if (slash != std::string_view::npos && slash != 0) {
        add_folder(path.substr(0, slash));
    }
}

void CpioArchive::add(std::string_view path, std::uint32_t mode, std::string_view contents,
                      Device device) {
    const std::string_view name = relative(path);
    if (!paths_.emplace(name).second) {
        return;  // the same file twice: once is enough
    }
    if (contents.size() > ~std::uint32_t{0}) {
        throw_error(ErrorKind::input, "{} is too large for an initramfs", path);
    }
    // magic inode mode uid gid links mtime size device(2) special(2) name-size check
    bytes_ += fmt::format(
        "070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}"
        "{:08x}{:08x}",
        next_inode_++, mode, 0, 0, 1, 0, contents.size(), 0, 0, device.major, device.minor,
        name.size() + 1, 0);
    bytes_ += name;
    bytes_ += '\0';
    pad();
    bytes_ += contents;
    pad();
}

void CpioArchive::pad() { bytes_.resize((bytes_.size() + 3) / 4 * 4); }

std::string CpioArchive::finish() && {
    add("TRAILER!!!", 0, "", {});
    return std::move(bytes_);
}

}  // namespace nestbed::vmm
