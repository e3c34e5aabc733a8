#include "vmm/cli/interrupt.hpp"

#include <pthread.h>
#include <unistd.h>

#include "vmm/error.hpp"

namespace nestbed::vmm {

namespace {

/// What our parent chose to ignore (a shell does so for a background job) stays ignored.
bool is_ignored(int signal) {
    struct sigaction action {};
    return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

InterruptWatcher::InterruptWatcher() {
    ::sigemptyset(&signals_);
    for (const int signal : {SIGINT, SIGTERM}) {
        if (!is_ignored(signal)) {
            ::sigaddset(&signals_, signal);
        }
    }
    // Ours to be woken by at the end: never sent by anybody else for a reason of this program.
    ::sigaddset(&signals_, SIGUSR1);
    ::pthread_sigmask(SIG_BLOCK, &signals_, &signals_before_);
    thread_ = std::thread([this] { watch(); });
}

InterruptWatcher::~InterruptWatcher() {
    over_ = true;
    ::pthread_kill(thread_.native_handle(), SIGUSR1);
    thread_.join();
    ::pthread_sigmask(SIG_SETMASK, &signals_before_, nullptr);
}

void InterruptWatcher::watch() {
    for (;;) {
        int signal = 0;
        ::sigwait(&signals_, &signal);
        if (over_) {
            return;
        }
        if (signal == SIGUSR1) {
            continue;
        }
        // request_stop is false if a stop was requested before: this is the second signal.
        if (!stop_.request_stop()) {
            ::_exit(static_cast<int>(ExitCode::interrupted));
        }
    }
}

}  // namespace nestbed::vmm
