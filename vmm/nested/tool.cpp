#include "vmm/nested/tool.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "vmm/error.hpp"
#include "vmm/nested/child_process.hpp"
#include "vmm/nested/pipe.hpp"

namespace nestbed::vmm {

std::string last_line(std::string_view text) {
    while (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    return std::string(text.substr(text.rfind('\n') + 1));
}

std::string output_of(const std::vector<std::string>& command,
                      const std::filesystem::path& directory) {
    Pipe output;
    Pipe error;
    ChildProcess child({.command = command,
                        .output = output.writer(),
                        .error = error.writer(),
                        .directory = directory.string()});
    output.close_writer();
    error.close_writer();
    std::array<std::string, 2> texts;
    std::array<pollfd, 2> streams{{{output.reader(), POLLIN, 0}, {error.reader(), POLLIN, 0}}};
    while (streams[0].fd >= 0 || streams[1].fd >= 0) {
        ::poll(streams.data(), streams.size(), -1);
        for (std::size_t n = 0; n < streams.size(); ++n) {
            if (streams[n].revents != 0 && !read_some(streams[n].fd, texts[n])) {
                streams[n].fd = -1;
            }
        }
    }
    if (const ProcessEnd end = child.wait(); !end.successful()) {
        const std::string said = last_line(texts[1]);
        throw_error(ExitCode::no_kvm, "{} failed: {}", fmt::join(command, " "),
                    said.empty() ? text_of(end) : said);
    }
    return texts[0];
}

}  // namespace nestbed::vmm
