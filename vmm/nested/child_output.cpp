#include "vmm/nested/child_output.hpp"

#include <poll.h>

#include <chrono>
#include <optional>

#include "vmm/nested/pipe.hpp"

namespace nestbed::vmm {

namespace {

using Clock = std::chrono::steady_clock;

/// How long the child's end may go unnoticed if somebody else holds its pipes.
constexpr int poll_milliseconds = 100;
/// What is still in the pipes when the child has ended takes less to be read; somebody else may go
/// on writing for ever.
constexpr std::chrono::seconds last_words_time{1};

}  // namespace

ProcessEnd read_until_end(ChildProcess& child, const std::vector<int>& readers,
                          const std::function<void(std::size_t, const std::string&)>& take) {
    std::vector<pollfd> streams;
    streams.reserve(readers.size());
    for (const int reader : readers) {
        streams.push_back({reader, POLLIN, 0});
    }
    std::size_t open = streams.size();
    std::optional<Clock::time_point> deadline;
    while (open != 0) {
        const int ready = ::poll(streams.data(), streams.size(), deadline ? 0 : poll_milliseconds);
        if (deadline && (ready == 0 || Clock::now() > *deadline)) {
            break;
        }
        if (!deadline && child.poll()) {
            deadline = Clock::now() + last_words_time;
        }
        for (std::size_t n = 0; n < streams.size(); ++n) {
            std::string text;
            if (streams[n].fd < 0 || streams[n].revents == 0) {
                continue;
            }
            if (read_some(streams[n].fd, text)) {
                take(n, text);
            } else {
                streams[n].fd = -1;
                --open;
            }
        }
    }
    return child.wait();
}

}  // namespace nestbed::vmm
