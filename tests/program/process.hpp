// Running the program as its users do.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace nestbed::test {

struct ProcessResult {
    int exit_code = -1;  ///< -1 if a signal ended it
    int signal = 0;      ///< that signal
    std::string out;
    std::string err;
    /// The most memory that it had, or that one of the processes had which it waited for.
    long peak_kib = 0;
};

/// A child process with its standard output and error in files.
class Process {
  public:
    /// `prepare` runs in the child before the program does.
    Process(const std::vector<std::string>& command, const std::function<void()>& prepare = {});
    ~Process();
    Process(const Process&) = delete;
    Process& operator=(const Process&) = delete;

    void send(int signal) const;
    /// What it has written so far.
    std::string out_so_far() const;
    /// Waits for its end; kills it when it takes longer.
    ProcessResult wait(std::chrono::seconds limit = std::chrono::minutes(1));
    int id() const { return pid_; }

  private:
    std::vector<std::string> command_;
    int pid_ = -1;
    int out_ = -1;
    int err_ = -1;
};

/// Runs the program with these arguments to its end.
ProcessResult nestbed(const std::vector<std::string>& arguments,
                      const std::function<void()>& prepare = {});

}  // namespace nestbed::test
