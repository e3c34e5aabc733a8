#include "vmm/run/vm_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/patience.hpp"
#include "vmm/base/sanitizers.hpp"
#include "vmm/sandbox/sandbox.hpp"

namespace nestbed::vmm {

namespace {

/// What a result may take: its records (vmm/channel), the diagnosis, and some room.
constexpr std::uint64_t largest_message = 128U << 20;

using MessageSize = std::uint64_t;
/// In a message's size: it is the error that ended the work. Its kind is the first byte.
constexpr MessageSize is_error = MessageSize{1} << 63;

/// The exit status of one that could not send what it had.
constexpr int has_not_sent = 3;

/// Behind a part of a message nothing would be understood, so this is the end of the process.
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

[[noreturn]] void refuse_process(const char* what, int error) {
    throw_error(ErrorKind::kernel_refused,
                "cannot start the process of a VM: {}: {} (ask for fewer with --jobs)", what,
                std::strerror(error));
}

struct Pipe {
    Descriptor reader;
    Descriptor writer;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        refuse_process("pipe", errno);
    }
    return {Descriptor(ends[0]), Descriptor(ends[1])};
}

/// Of a stop request something that poll() hears.
class StopEvent {
  public:
    explicit StopEvent(const std::stop_token& stop)
        : event_(::eventfd(0, EFD_CLOEXEC)),
          callback_(stop, [this] { ::eventfd_write(event_.get(), 1); }) {
        if (event_.get() < 0) {
            refuse_process("eventfd", errno);
        }
    }

    int descriptor() const { return event_.get(); }

  private:
    Descriptor event_;
    std::stop_callback<std::function<void()>> callback_;
};

/// ThreadSanitizer knows the parent's threads still, and takes one of ours for one of them where it
/// is given such a one's stack, which the C library has kept: those are too small from now on.
[[maybe_unused]] void leave_stacks_of_parent() {
    constexpr std::size_t larger = 32U << 20;
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, larger);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
}

[[noreturn]] void be_the_process(const std::function<void(const VmProcessReport&)>& work,
                                 const Descriptor& pipe, pid_t parent) {
    try {
        if constexpr (has_thread_sanitizer) {
            leave_stacks_of_parent();
        }
        die_first(parent);
        work(VmProcessReport(pipe.get()));
    } catch (...) {
        const Error error = current_error();
        send_or_exit(pipe.get(), is_error,
                     static_cast<char>(error.kind()) + std::string(error.what()));
    }
    // Not exit(): what the parent has in its buffers is the parent's to write.
    ::_exit(0);
}

/// The parent's end: messages, put together of what comes.
class Listener {
  public:
    Listener(Descriptor pipe, const std::function<void(const std::string&)>& take)
        : pipe_(std::move(pipe)), take_(take) {}

    int descriptor() const { return pipe_.get(); }
    bool has_ended() const { return has_ended_; }
    /// That it says has ended its work.
    const std::optional<Error>& error() const { return error_; }

    /// Takes what there is; true if that made a message whole.
    bool listen() {
        const ssize_t count = read_some(pipe_.get(), bytes_);
        if (count < 0) {
            throw_error(ErrorKind::kernel_refused, "cannot read what the process of a VM sends: {}",
                        std::strerror(static_cast<int>(-count)));
        }
        has_ended_ = count == 0;
        bool is_message = false;
        while (take_next()) {
            is_message = true;
        }
        return is_message;
    }

  private:
    /// False if it is not whole yet.
    bool take_next() {
        MessageSize size = 0;
        if (bytes_.size() < sizeof size) {
            return false;
        }
        std::memcpy(&size, bytes_.data(), sizeof size);
        const bool has_failed = (size & is_error) != 0;
        size &= ~is_error;
        if (size > largest_message) {
            throw_error(ErrorKind::ours, "the process of a VM has sent a message of {} bytes",
                        size);
        }
        if (bytes_.size() - sizeof size < size) {
            return false;
        }
        const std::string message = bytes_.substr(sizeof size, size);
        bytes_.erase(0, sizeof size + size);
        if (has_failed) {
            error_ = error_of(message);
        } else {
            take_(message);
        }
        return true;
    }

    Descriptor pipe_;
    const std::function<void(const std::string&)>& take_;
    std::string bytes_;
    bool has_ended_ = false;
    std::optional<Error> error_;
};

/// Is killed, and waited for, when this goes.
class Process {
  public:
    explicit Process(pid_t pid)
        : pid_(pid), handle_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
    ~Process() {
        // Again and again: to wait for one that was not killed would be to wait for ever.
        while (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == 0) {
            ::kill(pid_, SIGKILL);
            wait_for_end(between_looks);
        }
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    /// Its wait status, if it ends by itself within a moment.
    std::optional<int> wait_a_moment() {
        constexpr std::chrono::seconds moment(2);
        int status = 0;
        for (Patience patience(moment); !patience.is_over(); patience.end_slice()) {
            patience.begin_slice();
            const pid_t gone = uninterrupted([&] { return ::waitpid(pid_, &status, WNOHANG); });
            if (gone != 0) {
                pid_ = 0;
            }
            if (gone < 0) {
                throw_error(ErrorKind::kernel_refused, "cannot wait for the process of a VM: {}",
                            std::strerror(errno));
            }
            if (gone > 0) {
                return status;
            }
            wait_for_end(patience.slice());
        }
        return std::nullopt;
    }

  private:
    static constexpr std::chrono::milliseconds between_looks{1};

    /// At most so long; before Linux 5.3, or without a descriptor for it, for a look's time.
    void wait_for_end(std::chrono::milliseconds most) const {
        pollfd ended{handle_.get(), POLLIN, 0};
        if (handle_.get() < 0 || ::poll(&ended, 1, static_cast<int>(most.count())) < 0) {
            std::this_thread::sleep_for(between_looks);
        }
    }

    pid_t pid_;
    Descriptor handle_;  ///< that poll() hears the end of
};

/// Of one whose end of the pipe is closed.
VmProcessOutcome outcome_of(Process& process, const std::optional<Error>& error) {
    const auto status = process.wait_a_moment();
    if (!status) {
        return {.end = VmProcessEnd::out_of_time};
    }
    if (WIFSIGNALED(*status)) {
        const int signal = WTERMSIG(*status);
        return {.end = VmProcessEnd::died,
                .how = fmt::format("signal {} ({})", signal, ::strsignal(signal)),
                .signal = signal};
    }
    if (error) {
        return {.end = VmProcessEnd::failed, .error = error};
    }
    const int code = WEXITSTATUS(*status);
    if (code == has_not_sent) {
        return {.end = VmProcessEnd::failed,
                .error = Error(ErrorKind::kernel_refused,
                               "the process of the VM could not send its result")};
    }
    return {.end = code == 0 ? VmProcessEnd::done : VmProcessEnd::died,
            .how = fmt::format("exit status {}", code)};
}

/// Until the pipe's end, which is nothing, or until there is no more time for that.
std::optional<VmProcessEnd> listen_to_end(Listener& listener, const VmProcessLimits& limits,
                                          const std::stop_token& stop) {
    const StopEvent stop_event(stop);
    constexpr std::chrono::hours any_time(24 * 365);
    Patience patience(limits.first.value_or(any_time));
    while (!listener.has_ended()) {
        if (stop.stop_requested()) {
            return VmProcessEnd::interrupted;
        }
        if (patience.is_over()) {
            return VmProcessEnd::out_of_time;
        }
        std::array<pollfd, 2> polled{
            {{listener.descriptor(), POLLIN, 0}, {stop_event.descriptor(), POLLIN, 0}}};
        patience.begin_slice();
        ::poll(polled.data(), polled.size(), static_cast<int>(patience.slice().count()));
        patience.end_slice();
        if (polled[0].revents != 0 && listener.listen()) {
            patience = Patience(limits.next.value_or(any_time));
        }
    }
    return std::nullopt;
}

}  // namespace

void VmProcessReport::send(std::string_view message) const { send_or_exit(fd_, 0, message); }

VmProcessOutcome run_in_process(const std::function<void(const VmProcessReport&)>& work,
                                const std::function<void(const std::string&)>& take,
                                const VmProcessLimits& limits, const std::stop_token& stop) {
    Pipe pipe = make_pipe();
    if constexpr (has_address_sanitizer) {
        // Its runtime leaves its locks locked in the new process, if another thread has them: not
        // while those that are made before the first VM begin.
        static const bool has_settled =
            (std::this_thread::sleep_for(std::chrono::milliseconds(150)), true);
        static_cast<void>(has_settled);
    }
    const pid_t parent = ::getpid();
    const pid_t child = ::fork();
    if (child < 0) {
        refuse_process("fork", errno);
    }
    if (child == 0) {
        be_the_process(work, pipe.writer, parent);
    }
    Process process(child);
    pipe.writer = Descriptor(-1);
    Listener listener(std::move(pipe.reader), take);
    if (const auto ended_here = listen_to_end(listener, limits, stop)) {
        return {.end = *ended_here};
    }
    return outcome_of(process, listener.error());
}

}  // namespace nestbed::vmm
