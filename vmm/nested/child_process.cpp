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

#include "vmm/error.hpp"
#include "vmm/kvm/descriptor.hpp"

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
kvm::Descriptor out_of_the_way(int fd) {
    constexpr int above_all = 20;
    return kvm::Descriptor(::fcntl(fd, F_DUPFD_CLOEXEC, above_all));
}

/// All that a child needs, made before the fork: between fork and exec of a program with threads
/// only system calls are safe.
struct Prepared {
    std::vector<std::string> command;
    std::vector<std::string> environment;
    std::vector<char*> arguments;
    std::vector<char*> variables;
    std::vector<kvm::Descriptor> descriptors;  // for 0, 1, 2, 3, …
    std::string directory;
    pid_t parent = 0;
};

[[noreturn]] void become(const Prepared& prepared, const std::string& program) {
    // The parent may have died before this took effect: then nobody would ever kill us.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != prepared.parent) {
        ::_exit(exit_of_a_failed_exec);
    }
    ::setsid();
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (std::size_t n = 0; n < prepared.descriptors.size(); ++n) {
        ::dup2(prepared.descriptors[n].get(), static_cast<int>(n));
    }
    if (!prepared.directory.empty() && ::chdir(prepared.directory.c_str()) != 0) {
        ::_exit(exit_of_a_failed_exec);
    }
    ::execve(program.c_str(), prepared.arguments.data(), prepared.variables.data());
    ::_exit(exit_of_a_failed_exec);
}

std::string find_program(std::string_view name) {
    if (name.find('/') != std::string_view::npos) {
        return ::access(std::string(name).c_str(), X_OK) == 0 ? std::string(name) : "";
    }
    const char* path = std::getenv("PATH");
    // Emulators and Debian's tools are there even where a user's PATH leaves them out.
    std::istringstream folders(std::string(path == nullptr ? "" : path) +
                               ":/usr/bin:/bin:/usr/sbin:/sbin");
    for (std::string folder; std::getline(folders, folder, ':');) {
        std::string candidate = folder + "/" + std::string(name);
        if (!folder.empty() && ::access(candidate.c_str(), X_OK) == 0 &&
            std::filesystem::is_regular_file(candidate)) {
            return candidate;
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

bool program_exists(std::string_view name) { return !find_program(name).empty(); }

ChildProcess::ChildProcess(const ProcessStart& start) {
    const std::string program = find_program(start.command.front());
    if (program.empty()) {
        throw_error(ExitCode::no_kvm, "there is no program {}", start.command.front());
    }
    Prepared prepared;
    prepared.command = start.command;
    prepared.directory = start.directory;
    prepared.parent = ::getpid();
    for (char** variable = environ; *variable != nullptr; ++variable) {
        prepared.environment.emplace_back(*variable);
    }
    prepared.environment.insert(prepared.environment.end(), start.environment.begin(),
                                start.environment.end());
    prepared.arguments = pointers_to(prepared.command);
    prepared.variables = pointers_to(prepared.environment);
    const kvm::Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int fd : {start.input, start.output, start.error}) {
        prepared.descriptors.push_back(out_of_the_way(fd < 0 ? null.get() : fd));
    }
    for (const int fd : start.more) {
        prepared.descriptors.push_back(out_of_the_way(fd));
    }
    pid_ = ::fork();
    if (pid_ == 0) {
        become(prepared, program);
    }
    if (pid_ < 0) {
        throw_error(ExitCode::no_kvm, "cannot start {}: {}", program, std::strerror(errno));
    }
}

ChildProcess::~ChildProcess() {
    if (!end_) {
        kill();
        wait();
    }
}

void ChildProcess::kill() const {
    if (!end_) {
        ::kill(pid_, SIGKILL);
    }
}

ProcessEnd ChildProcess::wait() {
    while (!end_) {
        int status = 0;
        const pid_t ended = ::waitpid(pid_, &status, 0);
        if (ended == pid_) {
            end_ = end_from(status);
        } else if (errno != EINTR) {
            end_ = ProcessEnd{exit_of_a_failed_exec, 0};
        }
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
