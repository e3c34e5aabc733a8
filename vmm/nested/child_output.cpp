#include "vmm/nested/child_output.hpp"

#include <poll.h>

#include "vmm/nested/pipe.hpp"

namespace nestbed::vmm {

namespace {

/// How long the child's end may go unnoticed if somebody else holds its pipes.
constexpr int poll_milliseconds = 100;

}  // namespace

ProcessEnd read_until_end(ChildProcess& child, const std::vector<int>& readers,
                          const std::function<void(std::size_t, const std::string&)>& take) {
    std::vector<pollfd> streams;
    streams.reserve(readers.size());
    for (const int reader : readers) {
        streams.push_back({reader, POLLIN, 0});
    }
    std::size_t open = streams.size();
    for (bool ended = false; open != 0;) {
        const int ready = ::poll(streams.data(), streams.size(), ended ? 0 : poll_milliseconds);
        if (ready == 0 && ended) {
            break;
        }
        ended = ended || child.poll().has_value();
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
