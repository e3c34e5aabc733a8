#include "vmm/nested/child_output.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

ProcessEnd read_until_end(ChildProcess& child, const std::vector<int>& readers,
                          PipeReaders::Take take) {
    PipeReaders pipes(readers, std::move(take));
    while (!pipes.ended() && !child.poll()) {
        pipes.read();
    }
    pipes.read_rest();
    return child.wait();
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
    const ProcessEnd end =
        read_until_end(child, {output.reader(), error.reader()},
                       [&](std::size_t n, const std::string& text) { texts.at(n) += text; });
    if (!end.successful()) {
        const std::string said = last_line(texts[1]);
        throw_error(ErrorKind::host_lacks, "{} failed: {}", fmt::join(command, " "),
                    said.empty() ? text_of(end) : said);
    }
    return texts[0];
}

std::string last_line(std::string_view text) {
    while (text.ends_with('\n')) {
        text.remove_suffix(1);
    }
    return std::string(text.substr(text.rfind('\n') + 1));
}

}  // namespace nestbed::vmm
