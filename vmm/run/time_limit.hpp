// A stop request that comes by itself when the time is up.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <thread>

namespace nestbed::vmm {

/// While one of these exists, its token is asked to stop when `outer` is, and after `limit`.
class TimeLimit {
  public:
    /// Without a limit it costs no thread.
    TimeLimit(std::optional<std::chrono::milliseconds> limit, const std::stop_token& outer);

    std::stop_token token() const { return stop_.get_token(); }
    /// True if the limit came first.
    bool is_reached() const { return is_reached_; }

  private:
    void wait(std::chrono::milliseconds limit, const std::stop_token& over);

    std::stop_source stop_;
    std::atomic<bool> is_reached_{false};
    std::stop_callback<std::function<void()>> outer_stop_;
    std::jthread thread_;
};

}  // namespace nestbed::vmm
