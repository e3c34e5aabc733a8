#include "vmm/cli/interrupt.hpp"

#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <cstring>

#include "vmm/base/error.hpp"
#include "vmm/base/thread.hpp"
#include "vmm/cli/exit_code.hpp"

namespace nestbed::vmm {

InterruptWatcher::InterruptWatcher() {
    ::sigemptyset(&signals_);
    // Blocked signals arrive here even if our parent had them ignored (a shell script does so for
    // SIGINT of its background jobs): whoever sends one means it.
    // SIGHUP: the terminal is gone. SIGUSR1: ours to be woken by at the end, sent by nobody else.
    for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) {
        ::sigaddset(&signals_, signal);
    }
    if (const int error = ::pthread_sigmask(SIG_BLOCK, &signals_, &signals_before_)) {
        throw_error(ErrorKind::kernel_refused, "cannot wait for Ctrl-C: {}", std::strerror(error));
    }
    thread_ = start_thread("that waits for Ctrl-C", [this] {
        watch();
        has_ended_ = true;
    });
}

InterruptWatcher::~InterruptWatcher() {
    over_ = true;
    // Again and again: to wait for a thread that was not woken would be to wait for ever.
    constexpr std::chrono::milliseconds between_looks(1);
    for (::pthread_kill(thread_.native_handle(), SIGUSR1); !has_ended_;
         std::this_thread::sleep_for(between_looks)) {
        ::pthread_kill(thread_.native_handle(), SIGUSR1);
    }
    thread_.join();
    ::pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);
}

void InterruptWatcher::watch() {
    // Some senders signal the process and then its group: one wish, not two.
    constexpr std::chrono::seconds same_wish{1};
    std::chrono::steady_clock::time_point first;
    for (;;) {
        int signal = SIGUSR1;
        const bool has_come = ::sigwait(&signals_, &signal) == 0;
        if (over_) {
            return;
        }
        if (!has_come || signal == SIGUSR1) {
            continue;
        }
        // request_stop is false if a stop was requested before.
        if (stop_.request_stop()) {
            first = std::chrono::steady_clock::now();
        } else if (std::chrono::steady_clock::now() - first > same_wish) {
            ::_exit(static_cast<int>(ExitCode::interrupted));
        }
    }
}

}  // namespace nestbed::vmm
