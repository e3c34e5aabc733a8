// Programs that this one starts and that never outlive it, and what they write.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vmm/base/descriptor.hpp"

namespace nestbed::vmm {

/// How a process ended.
struct ProcessEnd {
    int code = 0;    ///< its exit status; meaningless if there is a signal
    int signal = 0;  ///< that ended it, or 0

    bool successful() const { return code == 0 && signal == 0; }
};

/// "exit status 1", "signal 9 (Killed)".
std::string text_of(const ProcessEnd& end);

/// Is given what a child has written, as it comes.
using TakeOutput = std::function<void(const std::string& text)>;

/// Keeps it all in `text`. Throws Error(input) if that is more than any file may have.
TakeOutput append_to(std::string& text);

struct ProcessStart {
    std::vector<std::string> command;  ///< the program first, looked for in PATH
    /// Of its descriptors 1, 2, 3, …; none: what it writes there goes to /dev/null.
    std::vector<TakeOutput> outputs{};
    int input = -1;  ///< its descriptor 0, a copy of this one; -1: it has no input
    std::filesystem::path directory{};  ///< to run in; empty: this one's
    /// 2 is the same as 1, so that what it writes there stays in order.
    bool errors_with_output = false;
};

/// Is killed, and waited for, when this object goes; by the kernel if this program dies first. It
/// is in a session of its own, so that a Ctrl-C on our terminal is ours alone.
class ChildProcess {
  public:
    /// Throws Error(host_lacks) if there is no such program, Error(kernel_refused) if it cannot be
    /// started. To be called on a thread that lives as long as the child: the kernel takes that
    /// thread's end for ours.
    explicit ChildProcess(const ProcessStart& start);
    ~ChildProcess();
    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;

    /// Waits a moment and hands on what the child has written.
    void read();
    /// Hands on what is in the pipes now. No more than a pipe holds, so that this ends though
    /// somebody goes on writing; all that the child has written if it has ended.
    void read_rest();
    /// Hands on what comes until the child has ended, and all that was written before. Not until
    /// the pipes' ends: whoever the child has left behind may hold them for ever.
    ProcessEnd read_until_end();

    void kill() const;
    /// Waits.
    ProcessEnd wait();
    /// Nothing while it runs.
    std::optional<ProcessEnd> poll();

  private:
    struct Stream {
        Descriptor reader;
        TakeOutput take;
    };

    /// Returns what the child will have as 0, 1, 2, 3, …
    std::vector<Descriptor> open_streams(const ProcessStart& start);

    std::vector<Stream> streams_;
    std::vector<pollfd> polled_;  ///< for each stream; -1, which poll() leaves out, after its end
    pid_t pid_ = -1;
    std::optional<ProcessEnd> end_;
};

/// The standard output of a program of the system that does one thing and ends, run in `directory`
/// (empty: here). Throws Error(host_lacks) with its last line on standard error if it fails.
std::string output_of(const std::vector<std::string>& command,
                      const std::filesystem::path& directory = {});

/// The last line of `text` that is not empty.
std::string last_line(std::string_view text);

/// The first word of `text` that stands behind the word `before`; empty if there is none.
std::string word_after(std::string_view before, const std::string& text);

/// True if `name` is a program in PATH.
bool program_exists(std::string_view name);

}  // namespace nestbed::vmm
