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
    while (open != 0 && !child.poll()) {
        ::poll(streams.data(), streams.size(), poll_milliseconds);
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
    for (std::size_t n = 0; n < streams.size(); ++n) {
        if (const std::string text = rest_of(readers[n]); !text.empty()) {
            take(n, text);
        }
    }
    return child.wait();
}

}  // namespace nestbed::vmm
