#include "vmm/nested/pipe.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"

namespace nestbed::vmm {

namespace {

/// How long what else may happen (an end, a request to stop) goes unnoticed.
constexpr int poll_milliseconds = 100;

}  // namespace

Pipe::Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        throw_error(ErrorKind::kernel_refused, "cannot make a pipe: {}", std::strerror(errno));
    }
    reader_ = Descriptor(ends[0]);
    writer_ = Descriptor(ends[1]);
}

PipeReaders::PipeReaders(const std::vector<int>& readers, Take take) : take_(std::move(take)) {
    for (const int reader : readers) {
        streams_.push_back({reader, POLLIN, 0});
    }
}

void PipeReaders::read() {
    // After a signal Linux says that there are no events.
    ::poll(streams_.data(), streams_.size(), poll_milliseconds);
    for (std::size_t place = 0; place < streams_.size(); ++place) {
        pollfd& stream = streams_[place];
        if (stream.revents == 0) {
            continue;
        }
        if (std::string text; read_some(stream.fd, text) > 0) {
            take_(place, text);
        } else {
            stream.fd = -1;  // which poll() leaves out
        }
    }
}

void PipeReaders::read_rest() {
    for (std::size_t place = 0; place < streams_.size(); ++place) {
        pollfd stream = streams_[place];
        const auto capacity =
            static_cast<std::size_t>(std::max(0, ::fcntl(stream.fd, F_GETPIPE_SZ)));
        std::string text;
        while (text.size() < capacity && ::poll(&stream, 1, 0) > 0 &&
               read_some(stream.fd, text) > 0) {
        }
        if (!text.empty()) {
            take_(place, text);
        }
    }
}

bool PipeReaders::ended() const {
    return std::ranges::all_of(streams_, [](const pollfd& stream) { return stream.fd < 0; });
}

}  // namespace nestbed::vmm
