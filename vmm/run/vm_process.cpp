#include "vmm/run/vm_process.hpp"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <thread>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/patience.hpp"
#include "vmm/base/pipe.hpp"
#include "vmm/base/sanitizers.hpp"
#include "vmm/sandbox/sandbox.hpp"

namespace nestbed::vmm {

namespace {

[[noreturn]] void refuse_process(const char* what, int error) {
    throw_error(ErrorKind::kernel_refused,
                "cannot start the process of a VM: {}: {} (ask for fewer with --jobs)", what,
                std::strerror(error));
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
    const VmProcessReport report(pipe.get());
    try {
        if constexpr (has_thread_sanitizer) {
            leave_stacks_of_parent();
        }
        die_first(parent);
        work(report);
    } catch (...) {
        report.send_error(current_error());
    }
    // Not exit(): what the parent has in its buffers is the parent's to write.
    ::_exit(0);
}

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
std::optional<VmProcessEnd> listen_to_end(VmProcessListener& listener,
                                          const VmProcessLimits& limits,
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

VmProcessOutcome run_in_process(const std::function<void(const VmProcessReport&)>& work,
                                const VmProcessListener::Take& take, const VmProcessLimits& limits,
                                const std::stop_token& stop) {
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
    VmProcessListener listener(std::move(pipe.reader), take);
    if (const auto ended_here = listen_to_end(listener, limits, stop)) {
        return {.end = *ended_here};
    }
    return outcome_of(process, listener.error());
}

}  // namespace nestbed::vmm
