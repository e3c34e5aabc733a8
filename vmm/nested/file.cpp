#include "vmm/nested/file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"
#include "vmm/nested/pipe.hpp"

namespace nestbed::vmm {

std::string read_whole(const std::filesystem::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
        throw_error(ErrorKind::io, "cannot read {}: {}", path.string(), std::strerror(errno));
    }
    std::string contents;
    errno = 0;
    while (read_some(file.get(), contents)) {
    }
    if (errno != 0) {
        throw_error(ErrorKind::io, "cannot read {}: {}", path.string(), std::strerror(errno));
    }
    return contents;
}

void write_whole(const std::filesystem::path& path, std::string_view contents) {
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
    if (file.get() < 0) {
        throw_error(ErrorKind::io, "cannot write {}: {}", path.string(), std::strerror(errno));
    }
    while (!contents.empty()) {
        const ssize_t written = ::write(file.get(), contents.data(), contents.size());
        if (written < 0 && errno != EINTR) {
            throw_error(ErrorKind::io, "cannot write {}: {}", path.string(), std::strerror(errno));
        }
        contents.remove_prefix(written > 0 ? static_cast<std::size_t>(written) : 0);
    }
}

}  // namespace nestbed::vmm
