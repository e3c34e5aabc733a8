#include "vmm/run/vm_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
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
#include "vmm/sandbox/sandbox.hpp"

namespace nestbed::vmm {

namespace {

/// What a result may take: its records (vmm/channel), the diagnosis, and some room.
constexpr std::uint64_t largest_message = 128U << 20;

using MessageSize = std::uint64_t;

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
void leave_stacks_of_parent() {
#ifdef __SANITIZE_THREAD__
    constexpr std::size_t larger = 32U << 20;
    pthread_attr_t attributes;
    ::pthread_attr_init(&attributes);
    ::pthread_attr_setstacksize(&attributes, larger);
    ::pthread_setattr_default_np(&attributes);
    ::pthread_attr_destroy(&attributes);
#endif
}

[[noreturn]] void be_the_process(const std::function<void(const VmProcessReport&)>& work,
                                 const Descriptor& pipe, pid_t parent) {
    constexpr int of_an_exception = 1;
    int status = of_an_exception;
    try {
        leave_stacks_of_parent();
        die_first(parent);
        work(VmProcessReport(pipe.get()));
        status = 0;
    } catch (...) {
        // The parent says what it can see.
    }
    // Not exit(): what the parent has in its buffers is the parent's to write.
    ::_exit(status);
}

/// The parent's end: messages, put together of what comes.
class Listener {
  public:
    Listener(Descriptor pipe, const std::function<void(const std::string&)>& take)
        : pipe_(std::move(pipe)), take_(take) {}

    int descriptor() const { return pipe_.get(); }
    bool has_ended() const { return has_ended_; }

    /// Takes what there is; true if that made a message whole.
    bool listen() {
        const ssize_t count = read_some(pipe_.get(), bytes_);
        has_ended_ = count <= 0;
        bool is_message = false;
        while (const auto message = next_message()) {
            take_(*message);
            is_message = true;
        }
        return is_message;
    }

  private:
    std::optional<std::string> next_message() {
        MessageSize size = 0;
        if (bytes_.size() < sizeof size) {
            return std::nullopt;
        }
        std::memcpy(&size, bytes_.data(), sizeof size);
        if (size > largest_message) {
            throw_error(ErrorKind::ours, "the process of a VM has sent a message of {} bytes",
                        size);
        }
        if (bytes_.size() - sizeof size < size) {
            return std::nullopt;
        }
        std::string message = bytes_.substr(sizeof size, size);
        bytes_.erase(0, sizeof size + size);
        return message;
    }

    Descriptor pipe_;
    const std::function<void(const std::string&)>& take_;
    std::string bytes_;
    bool has_ended_ = false;
};

/// Is killed, and waited for, when this goes.
class Process {
  public:
    explicit Process(pid_t pid) : pid_(pid) {}
    ~Process() {
        if (pid_ > 0) {
            ::kill(pid_, SIGKILL);
            uninterrupted([this] { return ::waitpid(pid_, nullptr, 0); });
        }
    }
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    /// Its wait status, if it ends by itself within a moment.
    std::optional<int> wait_a_moment() {
        constexpr std::chrono::seconds moment(2);
        constexpr std::chrono::milliseconds between_looks(1);
        int status = 0;
        for (Patience patience(moment); !patience.is_over(); patience.end_slice()) {
            patience.begin_slice();
            if (uninterrupted([&] { return ::waitpid(pid_, &status, WNOHANG); }) != 0) {
                pid_ = 0;
                return status;
            }
            std::this_thread::sleep_for(between_looks);
        }
        return std::nullopt;
    }

  private:
    pid_t pid_;
};

/// Of one whose end of the pipe is closed.
VmProcessOutcome outcome_of(Process& process) {
    const auto status = process.wait_a_moment();
    if (!status) {
        return {VmProcessEnd::out_of_time, "", 0};
    }
    if (WIFSIGNALED(*status)) {
        const int signal = WTERMSIG(*status);
        return {VmProcessEnd::died, fmt::format("signal {} ({})", signal, ::strsignal(signal)),
                signal};
    }
    const int code = WEXITSTATUS(*status);
    return {code == 0 ? VmProcessEnd::done : VmProcessEnd::died,
            fmt::format("exit status {}", code), 0};
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

void VmProcessReport::send(std::string_view message) const {
    const MessageSize size = message.size();
    std::string bytes(reinterpret_cast<const char*>(&size), sizeof size);
    bytes += message;
    if (const int error = write_all(fd_, bytes)) {
        throw_error(ErrorKind::io, "the process of a VM cannot send its result: {}",
                    std::strerror(error));
    }
}

VmProcessOutcome run_in_process(const std::function<void(const VmProcessReport&)>& work,
                                const std::function<void(const std::string&)>& take,
                                const VmProcessLimits& limits, const std::stop_token& stop) {
    Pipe pipe = make_pipe();
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
        return {*ended_here, "", 0};
    }
    return outcome_of(process);
}

}  // namespace nestbed::vmm
