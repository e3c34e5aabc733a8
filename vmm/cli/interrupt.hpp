// Ctrl-C and SIGTERM as a stop token.
#pragma once

#include <atomic>
#include <csignal>
#include <stop_token>
#include <thread>

namespace nestbed::vmm {

/// While one of these exists, the first SIGINT, SIGTERM or SIGHUP requests a stop, and a second
/// one, more than a second later, ends the process at once with exit code 130. The signals are
/// blocked in the constructing thread and those that it starts afterwards; a thread waits for them,
/// so that ordinary code makes the request and no signal handler.
class InterruptWatcher {
  public:
    InterruptWatcher();
    ~InterruptWatcher();
    InterruptWatcher(const InterruptWatcher&) = delete;
    InterruptWatcher& operator=(const InterruptWatcher&) = delete;

    std::stop_token token() const { return stop_.get_token(); }

  private:
    void watch();

    sigset_t signals_{};
    sigset_t signals_before_{};
    std::stop_source stop_;
    std::atomic<bool> over_{false};
    std::atomic<bool> has_ended_{false};
    std::jthread thread_;
};

}  // namespace nestbed::vmm
