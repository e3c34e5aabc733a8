#include "vmm/cli/console.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"
#include "vmm/nested/init.hpp"

namespace nestbed::vmm {

void print(std::string_view text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    if (!written || std::fflush(stdout) != 0) {
        throw_error(ErrorKind::io, "cannot write to standard output: {}", std::strerror(errno));
    }
}

std::size_t output_width() {
    winsize size{};
    const bool known = ::isatty(STDOUT_FILENO) != 0 &&
                       ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0;
    return known ? size.ws_col : any_width;
}

ProgressLine::ProgressLine() : terminal_(::isatty(STDERR_FILENO) != 0) {
    if (const char* descriptor = std::getenv(progress_variable)) {
        descriptor_ = std::atoi(descriptor);
    }
}

void ProgressLine::show(std::string_view text, bool at_once) {
    if (descriptor_ >= 0) {
        ::dprintf(descriptor_, "%.*s\n", static_cast<int>(text.size()), text.data());
    }
    if (!terminal_ && descriptor_ < 0) {
        show_now_and_then(text, at_once);
    } else if (terminal_) {
        // Narrower than any terminal: a line that wraps could not be cleared.
        constexpr std::size_t most_columns = 79;
        fmt::print(stderr, "\r\x1b[K{}", text.substr(0, most_columns));
        std::fflush(stderr);
        shown_ = true;
    }
}

void ProgressLine::show_now_and_then(std::string_view text, bool at_once) {
    constexpr double seconds_between = 10;
    if (at_once || watch_.seconds() >= seconds_between) {
        watch_ = Stopwatch();
        fmt::print(stderr, "{}\n", text);
    }
}

void ProgressLine::clear() {
    if (shown_) {
        fmt::print(stderr, "\r\x1b[K");
        std::fflush(stderr);
        shown_ = false;
    }
}

}  // namespace nestbed::vmm
