#include "vmm/cli/console.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <random>

#include "vmm/base/error.hpp"
#include "vmm/base/text.hpp"
#include "vmm/nested/init.hpp"

namespace nestbed::vmm {

namespace {

/// Empty if it is not set.
std::string_view environment(const char* name) {
    const char* const value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// Nothing if it is no terminal.
std::optional<std::size_t> columns_of(int descriptor) {
    winsize size{};
    const bool known = ::isatty(descriptor) != 0 && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 &&
                       size.ws_col != 0;
    return known ? std::optional<std::size_t>(size.ws_col) : std::nullopt;
}

[[noreturn]] void refuse_standard_output() {
    throw_error(ErrorKind::io, "cannot write to standard output: {}", std::strerror(errno));
}

/// Where that fails, what is printed between such lines fails as well, and says so.
void write_line(const std::string& line) {
    std::fputs((line + "\n").c_str(), stdout);
    std::fflush(stdout);
}

}  // namespace

void occupy_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(stream, F_GETFD) < 0) {
            // The lowest descriptor that is free, which is this one.
            static_cast<void>(::open("/dev/null", O_RDONLY));
        }
    }
}

void print(std::string_view text) {
    print_piece(text);
    if (std::fflush(stdout) != 0) {
        refuse_standard_output();
    }
}

void print_piece(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) {
        refuse_standard_output();
    }
}

std::size_t output_width() { return columns_of(STDOUT_FILENO).value_or(any_width); }

bool is_terminal() { return ::isatty(STDOUT_FILENO) != 0; }

bool wants_color(ColorChoice choice) {
    if (choice != ColorChoice::automatic) {
        return choice == ColorChoice::always;
    }
    // no-color.org: if it is there and not empty; bixense.com/clicolors: anything but 0.
    if (!environment("NO_COLOR").empty()) {
        return false;
    }
    const std::string_view forced = environment("CLICOLOR_FORCE");
    return (!forced.empty() && forced != "0") || (is_terminal() && environment("TERM") != "dumb");
}

bool is_github_runner() { return environment("GITHUB_ACTIONS") == "true"; }

WithoutWorkflowCommands::WithoutWorkflowCommands() {
    if (is_github_runner()) {
        std::random_device random;
        token_ =
            fmt::format("nestbed-{:08x}{:08x}{:08x}{:08x}", random(), random(), random(), random());
        write_line("::stop-commands::" + token_);
    }
}

WithoutWorkflowCommands::~WithoutWorkflowCommands() {
    if (!token_.empty()) {
        write_line("::" + token_ + "::");
    }
}

ProgressLine::ProgressLine(bool is_quiet)
    : is_quiet_(is_quiet), terminal_(::isatty(STDERR_FILENO) != 0) {
    if (const char* descriptor = std::getenv(progress_variable)) {
        descriptor_ = std::atoi(descriptor);
    }
}

void ProgressLine::show(std::string_view text, bool at_once) {
    if (is_quiet_) {
        return;
    }
    if (descriptor_ >= 0) {
        ::dprintf(descriptor_, "%.*s\n", static_cast<int>(text.size()), text.data());
    }
    if (!terminal_ && descriptor_ < 0) {
        show_now_and_then(text, at_once);
    } else if (terminal_) {
        // Narrower than the terminal: a line that wraps could not be cleared.
        constexpr std::size_t usual_columns = 80;
        const std::size_t columns = columns_of(STDERR_FILENO).value_or(usual_columns) - 1;
        fmt::print(stderr, "\r\x1b[K{}", first_columns(printable(text), columns));
        std::fflush(stderr);
        shown_ = true;
    }
}

void ProgressLine::show_now_and_then(std::string_view text, bool at_once) {
    constexpr double seconds_between = 10;
    if (at_once || watch_.seconds() >= seconds_between) {
        watch_ = Stopwatch();
        fmt::print(stderr, "{}\n", printable(text));
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
