#include "tests/program/process.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "tests/program/kept_reports.hpp"

namespace nestbed::test {

namespace {

int temporary_file() {
    std::string pattern = "/tmp/nestbed-process-XXXXXX";
    const int fd = ::mkostemp(pattern.data(), O_CLOEXEC);
    ::unlink(pattern.c_str());
    return fd;
}

std::string contents(int fd) {
    std::string text;
    std::array<char, 4096> buffer{};
    ssize_t count = 0;
    while ((count = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(text.size()))) >
           0) {
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
    return text;
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const std::function<void()>& prepare)
    : command_(command), out_(temporary_file()), err_(temporary_file()) {
    std::vector<char*> arguments;
    arguments.reserve(command.size() + 1);
    for (const std::string& argument : command) {
        arguments.push_back(const_cast<char*>(argument.c_str()));
    }
    arguments.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(out_, STDOUT_FILENO);
        ::dup2(err_, STDERR_FILENO);
        if (prepare) {
            prepare();
        }
        ::execv(arguments[0], arguments.data());
        ::_exit(127);
    }
}

Process::~Process() {
    if (pid_ > 0) {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_);
    ::close(err_);
}

void Process::send(int signal) const { ::kill(pid_, signal); }

std::string Process::out_so_far() const { return contents(out_); }

ProcessResult Process::wait(std::chrono::seconds limit) {
    using namespace std::chrono_literals;
    const auto deadline = std::chrono::steady_clock::now() + limit;
    int status = 0;
    struct rusage usage {};
    while (::wait4(pid_, &status, WNOHANG, &usage) == 0) {
        if (std::chrono::steady_clock::now() > deadline) {
            send(SIGKILL);
        }
        std::this_thread::sleep_for(2ms);
    }
    pid_ = -1;
    ProcessResult result;
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    result.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    result.out = contents(out_);
    result.err = contents(err_);
    result.peak_kib = usage.ru_maxrss;
    keep_report(result.out);
    for (std::size_t n = 1; n < command_.size(); ++n) {
        if (command_[n - 1] == "--output" || command_[n - 1] == "--resume") {
            keep_report_in(command_[n]);
        }
    }
    return result;
}

ProcessResult nestbed(const std::vector<std::string>& arguments,
                      const std::function<void()>& prepare) {
    std::vector<std::string> command{NESTBED_PROGRAM};
    command.insert(command.end(), arguments.begin(), arguments.end());
    return Process(command, prepare).wait();
}

}  // namespace nestbed::test
