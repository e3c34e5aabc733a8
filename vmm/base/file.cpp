#include "vmm/base/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace fs = std::filesystem;

ssize_t read_some(int fd, std::string& text) {
    std::array<char, 65536> buffer;  // NOLINT(*-member-init): read fills what is used
    const ssize_t count = uninterrupted([&] { return ::read(fd, buffer.data(), buffer.size()); });
    if (count < 0) {
        return -errno;
    }
    text.append(buffer.data(), static_cast<std::size_t>(count));
    return count;
}

int write_all(int fd, std::string_view contents) {
    while (!contents.empty()) {
        const ssize_t written =
            uninterrupted([&] { return ::write(fd, contents.data(), contents.size()); });
        if (written < 0) {
            return errno;
        }
        contents.remove_prefix(static_cast<std::size_t>(written));
    }
    return 0;
}

std::string read_file(const fs::path& path, ErrorKind kind) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::string contents;
    ssize_t count = file.get() < 0 ? -errno : 1;
    while (count > 0) {
        count = read_some(file.get(), contents);
        if (contents.size() > largest_file) {
            throw_error(kind, "cannot read {}: it has more than {}", path.string(),
                        size_text(largest_file));
        }
    }
    if (count < 0) {
        throw_error(kind, "cannot read {}: {}", path.string(),
                    std::strerror(static_cast<int>(-count)));
    }
    return contents;
}

void write_file(const fs::path& path, std::string_view contents) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (const int error = file.get() < 0 ? errno : write_all(file.get(), contents)) {
        throw_error(ErrorKind::io, "cannot write {}: {}", path.string(), std::strerror(error));
    }
}

}  // namespace nestbed::vmm
