#include "vmm/run/vm_process_messages.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "vmm/base/file.hpp"

namespace nestbed::vmm {

namespace {

/// What a result may take: its records (vmm/channel), the diagnosis, and some room.
constexpr std::uint64_t largest_message = 128U << 20;

/// Comes before each message.
using MessageSize = std::uint64_t;
/// In a message's size: it is an error. Its kind is the first byte.
constexpr MessageSize is_error = MessageSize{1} << 63;

void send_or_exit(int fd, MessageSize flags, std::string_view message) {
    const MessageSize size = flags | message.size();
    std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
    bytes += message;
    if (write_all(fd, bytes) != 0) {
        ::_exit(has_not_sent);
    }
}

Error error_of(const std::string& message) {
    const auto last = static_cast<unsigned char>(ErrorKind::ours);
    const auto kind = static_cast<unsigned char>(message.empty() ? last : message.front());
    return {static_cast<ErrorKind>(std::min(kind, last)), message.empty() ? "" : message.substr(1)};
}

}  // namespace

void VmProcessReport::send(std::string_view message) const { send_or_exit(fd_, 0, message); }

void VmProcessReport::send_error(const Error& error) const {
    send_or_exit(fd_, is_error, static_cast<char>(error.kind()) + std::string(error.what()));
}

bool VmProcessListener::listen() {
    const ssize_t count = read_some(pipe_.get(), bytes_);
    if (count < 0) {
        throw_error(ErrorKind::kernel_refused, "cannot read what the process of a VM sends: {}",
                    std::strerror(static_cast<int>(-count)));
    }
    has_ended_ = count == 0;
    bool has_step = false;
    while (const auto heard = take_next()) {
        has_step = has_step || heard == Heard::step;
    }
    return has_step;
}

/// Nothing if it is not whole yet.
std::optional<Heard> VmProcessListener::take_next() {
    MessageSize size = 0;
    if (bytes_.size() < sizeof size) {
        return std::nullopt;
    }
    std::memcpy(&size, bytes_.data(), sizeof size);
    const bool has_failed = (size & is_error) != 0;
    size &= ~is_error;
    if (size > largest_message) {
        throw_error(ErrorKind::ours, "the process of a VM has sent a message of {} bytes", size);
    }
    if (bytes_.size() - sizeof size < size) {
        return std::nullopt;
    }
    const std::string message = bytes_.substr(sizeof size, size);
    bytes_.erase(0, sizeof size + size);
    if (has_failed) {
        error_ = error_of(message);
        return Heard::step;
    }
    return take_(message);
}

}  // namespace nestbed::vmm
