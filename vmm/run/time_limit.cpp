#include "vmm/run/time_limit.hpp"

#include <condition_variable>
#include <mutex>

#include "vmm/base/thread.hpp"

namespace nestbed::vmm {

TimeLimit::TimeLimit(std::optional<std::chrono::milliseconds> limit, const std::stop_token& outer)
    : outer_stop_(outer, [this] { stop_.request_stop(); }) {
    if (limit) {
        thread_ = start_thread(
            "of --time-limit",
            [this, limit = *limit](const std::stop_token& over) { wait(limit, over); });
    }
}

void TimeLimit::wait(std::chrono::milliseconds limit, const std::stop_token& over) {
    std::mutex mutex;
    std::condition_variable_any nobody_notifies;
    std::unique_lock lock(mutex);
    nobody_notifies.wait_for(lock, over, limit, [] { return false; });
    // Before the request: whoever has seen that knows why. Stopped from elsewhere, it was not us.
    if (!over.stop_requested() && !stop_.stop_requested()) {
        is_reached_ = true;
        stop_.request_stop();
    }
}

}  // namespace nestbed::vmm
