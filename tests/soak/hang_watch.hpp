// Ends the test program when one step of many takes longer than the slowest of hosts would need:
// what hangs cannot say so by itself. Says how far it is, too.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <string>
#include <thread>

namespace nestbed::test {

class HangWatch {
  public:
    HangWatch() : thread_([this](const std::stop_token& stop) { watch(stop); }) {}

    /// `step` has begun, and the one before it has ended.
    void begin(std::string step) {
        const std::lock_guard lock(mutex_);
        constexpr std::uint64_t worth_a_line = 1000;
        if (begun_ != 0 && begun_ % worth_a_line == 0) {
            fmt::print("  {} done\n", begun_);
            std::fflush(stdout);
        }
        ++begun_;
        step_ = std::move(step);
        since_ = Clock::now();
    }

  private:
    using Clock = std::chrono::steady_clock;

    void watch(const std::stop_token& stop) {
        constexpr std::chrono::minutes patience(2);
        constexpr std::chrono::seconds between_looks(1);
        std::unique_lock lock(mutex_);
        while (!over_.wait_for(lock, stop, between_looks, [] { return false; }) &&
               !stop.stop_requested()) {
            if (Clock::now() - since_ > patience) {
                fmt::print(stderr, "\nHANGS for {} minutes: {}\n", patience.count(), step_);
                std::fflush(nullptr);
                std::abort();
            }
        }
    }

    std::mutex mutex_;
    std::condition_variable_any over_;
    std::string step_;
    std::uint64_t begun_ = 0;
    Clock::time_point since_ = Clock::now();
    std::jthread thread_;
};

}  // namespace nestbed::test
