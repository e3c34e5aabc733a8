// Programs that this one starts and that never outlive it.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/nested/pipe.hpp"

namespace nestbed::vmm {

/// How a process ended.
struct ProcessEnd {
    int code = 0;    ///< its exit status; meaningless if there is a signal
    int signal = 0;  ///< that ended it, or 0

    bool successful() const { return code == 0 && signal == 0; }
};

/// "exit status 1", "signal 9 (Killed)".
std::string text_of(const ProcessEnd& end);

struct ProcessStart {
    std::vector<std::string> command;  ///< the program first, looked for in PATH
    int input = -1;                    ///< -1: /dev/null; so are the other two
    int output = -1;
    int error = -1;
    std::vector<int> more{};                 ///< the child has them as descriptors 3, 4, …
    std::string directory{};                 ///< to run in; empty: this one's
    std::vector<std::string> environment{};  ///< NAME=VALUE, added to this one's
};

/// Is killed, and waited for, when this object goes; by the kernel if this program dies first. It
/// is in a session of its own, so that a Ctrl-C on our terminal is ours alone.
class ChildProcess {
  public:
    /// Throws Error(no_kvm) if it cannot be started: all that is started here serves to make a
    /// machine. To be called on a thread that lives as long as the child: the kernel takes that
    /// thread's end for ours.
    explicit ChildProcess(const ProcessStart& start);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    void kill() const;
    /// Waits.
    ProcessEnd wait();
    /// Nothing while it runs.
    std::optional<ProcessEnd> poll();

  private:
    void wait_for_exec(const std::string& program, Pipe& failures);

    pid_t pid_ = -1;
    std::optional<ProcessEnd> end_;
};

/// True if `name` is a program in PATH.
bool program_exists(std::string_view name);

}  // namespace nestbed::vmm
