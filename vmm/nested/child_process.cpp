#include "vmm/nested/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"

namespace nestbed::vmm {

namespace {

constexpr int exit_of_a_failed_exec = 127;

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    pointers.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        pointers.push_back(text.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// A copy far above those numbers at which the child wants its descriptors.
Descriptor out_of_the_way(int fd) {
    constexpr int above_all = 20;
    return Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, above_all));
}

/// All that a child needs, made before the fork: between fork and exec of a program with threads
/// only system calls are safe.
struct Prepared {
    std::vector<std::string> command;
    std::vector<std::string> environment;
    std::vector<char*> arguments;
    std::vector<char*> variables;
    std::vector<Descriptor> descriptors;  // for 0, 1, 2, 3, …
    std::string directory;
    pid_t parent = 0;
};

/// In the child: does not come back. The errno of what fails goes to `failures`, which closes
/// itself when all is well.
[[noreturn]] void become(const Prepared& prepared, const std::string& program, int failures) {
    // The parent may have died before this took effect: then nobody would ever kill us.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != prepared.parent) {
        ::_exit(exit_of_a_failed_exec);
    }
    ::setsid();
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    for (std::size_t n = 0; n < prepared.descriptors.size(); ++n) {
        ::dup2(prepared.descriptors[n].get(), static_cast<int>(n));
    }
    if (prepared.directory.empty() || ::chdir(prepared.directory.c_str()) == 0) {
        ::execve(program.c_str(), prepared.arguments.data(), prepared.variables.data());
    }
    const int error = errno;
    static_cast<void>(::write(failures, &error, sizeof error));
    ::_exit(exit_of_a_failed_exec);
}

std::string find_program(std::string_view name) {
    if (name.find('/') != std::string_view::npos) {
        const std::string path(name);
        const bool is_program =
            ::access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path);
        return is_program ? path : "";
    }
    const char* path = std::getenv("PATH");
    // Emulators and Debian's tools are there even where a user's PATH leaves them out.
    std::istringstream folders(std::string(path == nullptr ? "" : path) +
                               ":/usr/bin:/bin:/usr/sbin:/sbin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        if (folder.empty()) {
            continue;
        }
        // Absolute: the child may run in another folder.
        std::string candidate = std::filesystem::absolute(folder) / name;
        if (::access(candidate.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(candidate)) {
            return candidate;
        }
    }
    return "";
}

/// Ours, with `more`, which go before those of the same name.
std::vector<std::string> environment_with(const std::vector<std::string>& more) {
    std::vector<std::string> variables = more;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        const std::string_view text = *variable;
        const std::string_view name = text.substr(0, text.find('=') + 1);
        if (std::ranges::none_of(more, [&](const auto& own) { return own.starts_with(name); })) {
            variables.emplace_back(text);
        }
    }
    return variables;
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

bool program_exists(std::string_view name) { return !find_program(name).empty(); }

ChildProcess::ChildProcess(const ProcessStart& start) {
    const std::string program = find_program(start.command.front());
    if (program.empty()) {
        throw_error(ErrorKind::host_lacks, "there is no program {}", start.command.front());
    }
    Prepared prepared;
    prepared.command = start.command;
    prepared.directory = start.directory;
    prepared.parent = ::getpid();
    prepared.environment = environment_with(start.environment);
    prepared.arguments = pointers_to(prepared.command);
    prepared.variables = pointers_to(prepared.environment);
    const Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int fd : {start.input, start.output, start.error}) {
        prepared.descriptors.push_back(out_of_the_way(fd < 0 ? null.get() : fd));
    }
    for (const int fd : start.more) {
        prepared.descriptors.push_back(out_of_the_way(fd));
    }
    // If our parent ignores this signal, so do we, and children vanish before they can be waited
    // for.
    ::signal(SIGCHLD, SIG_DFL);
    Pipe failures;
    Descriptor failure_writer = out_of_the_way(failures.writer());
    pid_ = ::fork();
    if (pid_ == 0) {
        become(prepared, program, failure_writer.get());
    }
    if (pid_ < 0) {
        throw_error(ErrorKind::kernel_refused, "cannot start {}: {}", program,
                    std::strerror(errno));
    }
    failure_writer = Descriptor(-1);
    wait_for_exec(program, failures);
}

void ChildProcess::wait_for_exec(const std::string& program, Pipe& failures) {
    failures.close_writer();
    std::string bytes;
    int error = 0;
    while (read_some(failures.reader(), bytes) > 0) {
    }
    if (bytes.size() == sizeof error) {
        std::memcpy(&error, bytes.data(), sizeof error);
        wait();
        throw_error(ErrorKind::kernel_refused, "cannot start {}: {}", program,
                    std::strerror(error));
    }
}

ChildProcess::~ChildProcess() {
    if (!end_) {
        kill();
        wait();
    }
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

}  // namespace nestbed::vmm
