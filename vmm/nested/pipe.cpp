#include "vmm/nested/pipe.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

Pipe::Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw_error(ErrorKind::kernel_refused, "cannot make a pipe: {}", std::strerror(errno));
    }
    reader_ = Descriptor(ends[0]);
    writer_ = Descriptor(ends[1]);
}

bool read_some(int fd, std::string& text) {
    std::array<char, 65536> buffer;  // NOLINT(*-member-init): read fills what is used
    for (;;) {
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count > 0) {
            text.append(buffer.data(), static_cast<std::size_t>(count));
            return true;
        }
        if (count == 0 || errno != EINTR) {
            return false;
        }
    }
}

std::string rest_of(int fd) {
    const auto capacity = static_cast<std::size_t>(std::max(0, ::fcntl(fd, F_GETPIPE_SZ)));
    std::string text;
    pollfd stream{fd, POLLIN, 0};
    while (text.size() < capacity && ::poll(&stream, 1, 0) > 0 && read_some(fd, text)) {
    }
    return text;
}

}  // namespace nestbed::vmm
