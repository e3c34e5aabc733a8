#include "vmm/base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
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

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void cannot_read(const fs::path& path, ErrorKind kind, std::string_view reason) {
    throw_error(kind, "cannot read {}: {}", path.string(), reason);
}

/// Nothing ever waits to open it, and what is no file and no pipe is not read at all: a device may
/// have no end (/dev/zero), or be changed by it.
Descriptor open_to_read(const fs::path& path, ErrorKind kind, struct stat& status) {
    Descriptor file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (file.get() < 0 || ::fstat(file.get(), &status) != 0) {
        cannot_read(path, kind, std::strerror(errno));
    }
    if (S_ISDIR(status.st_mode)) {
        cannot_read(path, kind, std::strerror(EISDIR));
    }
    if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
        cannot_read(path, kind, "it is a device, and no file");
    }
    return file;
}

/// Until there is something to read, or the end: that of a named pipe which nobody has opened to
/// write comes after the first one who does. Returns why there is nothing, or an empty text.
std::string wait_for_writer(int pipe, const PipePatience& patience, Clock::time_point last) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(last - Clock::now());
    const auto wait = std::max(std::min(left, patience.silence), std::chrono::milliseconds(0));
    pollfd readable{pipe, POLLIN, 0};
    const int found =
        uninterrupted([&] { return ::poll(&readable, 1, static_cast<int>(wait.count())); });
    if (found > 0 && left.count() > 0) {
        return "";
    }
    const auto text = [](std::chrono::duration<double> time) { return duration(time.count()); };
    return fmt::format(
        "nothing came out of this pipe for {}, or not all in {}: write it into a file first",
        text(patience.silence), text(patience.all));
}

std::string reason_of(int error) {
    return error == EAGAIN ? "there is nothing in it to be read now" : std::strerror(error);
}

}  // namespace

std::string read_file(const fs::path& path, ErrorKind kind, const PipePatience& patience) {
    struct stat status {};
    const Descriptor file = open_to_read(path, kind, status);
    const Clock::time_point last = Clock::now() + patience.all;
    std::string contents;
    auto size = static_cast<std::size_t>(status.st_size);
    contents.reserve(std::min(size, largest_file));
    for (ssize_t count = 1; count != 0; size = contents.size()) {
        if (size > largest_file) {
            cannot_read(path, kind, "it has more than " + size_text(largest_file));
        }
        if (S_ISFIFO(status.st_mode)) {
            if (const std::string silence = wait_for_writer(file.get(), patience, last);
                !silence.empty()) {
                cannot_read(path, kind, silence);
            }
        }
        count = read_some(file.get(), contents);
        if (count < 0) {
            cannot_read(path, kind, reason_of(static_cast<int>(-count)));
        }
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
