#include "vmm/nested/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <sstream>

#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/pipe.hpp"
#include "vmm/base/text.hpp"

namespace nestbed::vmm {

namespace {

constexpr int exit_of_a_failed_exec = 127;

/// How long what else may happen (an end, a request to stop) goes unnoticed.
constexpr int poll_milliseconds = 100;

/// Another descriptor of the same, far above those numbers at which a child wants its own.
Descriptor copy_of(int fd) {
    constexpr int above_all = 20;
    Descriptor copy(::fcntl(fd, F_DUPFD_CLOEXEC, above_all));
    if (copy.get() < 0) {
        throw_error(ErrorKind::kernel_refused, "cannot make descriptors for a child: {}",
                    errno == EINVAL ? fmt::format("{} is more than ulimit -n allows", above_all)
                                    : std::strerror(errno));
    }
    return copy;
}

/// With ends that are far above them as well.
Pipe pipe_to_child() {
    const Pipe pipe = make_pipe();
    return {copy_of(pipe.reader.get()), copy_of(pipe.writer.get())};
}

/// All that a child needs, made before the fork: between fork and exec of a program with threads
/// only system calls are safe.
struct Prepared {
    const char* program;
    const char* directory;                // empty: this one's
    std::vector<char*> arguments;         // to which execv(3) does not write
    std::vector<Descriptor> descriptors;  // for 0, 1, 2, 3, …
    pid_t parent;
};

/// In the child: does not come back. The errno of what fails goes to `failures`, which closes
/// itself when all is well.
[[noreturn]] void become(const Prepared& prepared, int failures) {
    // The parent may have died before this took effect: then nobody would ever kill us.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != prepared.parent) {
        ::_exit(exit_of_a_failed_exec);
    }
    ::setsid();
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int ignored : {SIGPIPE, SIGXFSZ}) {
        ::signal(ignored, SIG_DFL);
    }
    for (std::size_t n = 0; n < prepared.descriptors.size(); ++n) {
        ::dup2(prepared.descriptors[n].get(), static_cast<int>(n));
    }
    if (*prepared.directory == '\0' || ::chdir(prepared.directory) == 0) {
        ::execv(prepared.program, prepared.arguments.data());
    }
    const int error = errno;
    static_cast<void>(::write(failures, &error, sizeof error));
    ::_exit(exit_of_a_failed_exec);
}

bool is_program(const std::filesystem::path& path) {
    return ::access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path);
}

/// Empty if there is none.
std::string find_program(std::string_view name) {
    if (name.find('/') != std::string_view::npos) {
        return is_program(name) ? std::string(name) : "";
    }
    const char* path = std::getenv("PATH");
    // Emulators and Debian's tools are there even where a user's PATH leaves them out.
    std::istringstream folders(std::string(path == nullptr ? "" : path) +
                               ":/usr/bin:/bin:/usr/sbin:/sbin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        // Absolute: the child may run in another folder.
        if (!folder.empty() && is_program(std::filesystem::absolute(folder) / name)) {
            return std::filesystem::absolute(folder) / name;
        }
    }
    return "";
}

ProcessEnd end_from(int status) {
    return WIFSIGNALED(status) ? ProcessEnd{0, WTERMSIG(status)}
                               : ProcessEnd{WEXITSTATUS(status), 0};
}

}  // namespace

std::string text_of(const ProcessEnd& end) {
    return end.signal != 0 ? fmt::format("signal {} ({})", end.signal, ::strsignal(end.signal))
                           : fmt::format("exit status {}", end.code);
}

TakeOutput append_to(std::string& text) {
    return [&text](const std::string& more) {
        text += more;
        if (text.size() > largest_file) {
            throw_error(ErrorKind::input, "a program that was started writes more than {}",
                        size_text(largest_file));
        }
    };
}

ChildProcess::ChildProcess(const ProcessStart& start) {
    const std::string program = find_program(start.command.front());
    if (program.empty()) {
        throw_error(ErrorKind::host_lacks, "there is no program {}", start.command.front());
    }
    Prepared prepared{.program = program.c_str(),
                      .directory = start.directory.c_str(),
                      .arguments = {},
                      .descriptors = open_streams(start),
                      .parent = ::getpid()};
    for (const std::string& argument : start.command) {
        prepared.arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    prepared.arguments.push_back(nullptr);
    Pipe failures = pipe_to_child();
    // Inherited from a parent that ignores it, it would make children vanish before the wait.
    ::signal(SIGCHLD, SIG_DFL);
    pid_ = ::fork();
    if (pid_ == 0) {
        become(prepared, failures.writer.get());
    }
    int error = pid_ < 0 ? errno : 0;
    // The child's ends, without which the others never come to theirs.
    failures.writer = Descriptor(-1);
    prepared.descriptors.clear();
    if (error == 0 && uninterrupted([&] {
                          return ::read(failures.reader.get(), &error, sizeof error);
                      }) == sizeof error) {
        wait();
    }
    if (error != 0) {
        throw_error(ErrorKind::kernel_refused, "cannot start {}: {}", program,
                    error == EAGAIN ? "the limit of processes is reached (ulimit -u, or pids.max "
                                      "of the cgroup)"
                                    : std::strerror(error));
    }
}

std::vector<Descriptor> ChildProcess::open_streams(const ProcessStart& start) {
    std::vector<Descriptor> descriptors;
    const Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const auto add_null = [&] { descriptors.push_back(copy_of(null.get())); };
    descriptors.push_back(copy_of(start.input < 0 ? null.get() : start.input));
    for (const TakeOutput& take : start.outputs) {
        if (take) {
            Pipe pipe = pipe_to_child();
            polled_.push_back({pipe.reader.get(), POLLIN, 0});
            streams_.push_back({std::move(pipe.reader), take});
            descriptors.push_back(std::move(pipe.writer));
        } else {
            add_null();
        }
    }
    while (descriptors.size() <= STDERR_FILENO) {
        add_null();
    }
    if (start.errors_with_output) {
        descriptors[STDERR_FILENO] = copy_of(descriptors[STDOUT_FILENO].get());
    }
    return descriptors;
}

ChildProcess::~ChildProcess() {
    if (!end_) {
        kill();
        wait();
    }
}

void ChildProcess::read() {
    // After a signal Linux says that there are no events.
    ::poll(polled_.data(), polled_.size(), poll_milliseconds);
    for (std::size_t n = 0; n < polled_.size(); ++n) {
        if (polled_[n].revents == 0) {
            continue;
        }
        if (std::string text; read_some(polled_[n].fd, text) > 0) {
            streams_[n].take(text);
        } else {
            polled_[n].fd = -1;
        }
    }
}

void ChildProcess::read_rest() {
    for (std::size_t n = 0; n < polled_.size(); ++n) {
        pollfd stream = polled_[n];
        const auto capacity =
            static_cast<std::size_t>(std::max(0, ::fcntl(stream.fd, F_GETPIPE_SZ)));
        std::string text;
        while (text.size() < capacity && ::poll(&stream, 1, 0) > 0 &&
               read_some(stream.fd, text) > 0) {
        }
        if (!text.empty()) {
            streams_[n].take(text);
        }
    }
}

ProcessEnd ChildProcess::read_until_end() {
    const auto at_its_end = [](const pollfd& stream) { return stream.fd < 0; };
    while (!std::ranges::all_of(polled_, at_its_end) && !poll()) {
        read();
    }
    read_rest();
    return wait();
}

void ChildProcess::kill() const {
    // Its session's whole group: a wrapper may have started what we mean.
    if (!end_) {
        ::kill(-pid_, SIGKILL);
    }
}

ProcessEnd ChildProcess::wait() {
    if (!end_) {
        int status = 0;
        const pid_t ended = uninterrupted([&] { return ::waitpid(pid_, &status, 0); });
        end_ = ended == pid_ ? end_from(status) : ProcessEnd{exit_of_a_failed_exec, 0};
    }
    return *end_;
}

std::optional<ProcessEnd> ChildProcess::poll() {
    int status = 0;
    if (!end_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
        end_ = end_from(status);
    }
    return end_;
}

std::string output_of(const std::vector<std::string>& command,
                      const std::filesystem::path& directory) {
    std::string output;
    std::string error;
    ChildProcess child({.command = command,
                        .outputs = {append_to(output), append_to(error)},
                        .directory = directory});
    const ProcessEnd end = child.read_until_end();
    if (!end.successful()) {
        const std::string said = last_line(error);
        throw_error(ErrorKind::host_lacks, "{} failed: {}", fmt::join(command, " "),
                    said.empty() ? text_of(end) : said);
    }
    return output;
}

std::string last_line(std::string_view text) {
    text = text.substr(0, text.find_last_not_of('\n') + 1);
    return std::string(text.substr(text.rfind('\n') + 1));
}

std::string word_after(std::string_view before, const std::string& text) {
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        if (word == before && words >> word) {
            return word;
        }
    }
    return "";
}

bool program_exists(std::string_view name) { return !find_program(name).empty(); }

}  // namespace nestbed::vmm
