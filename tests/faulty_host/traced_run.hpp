// A program, run under ptrace(), one of whose system calls fails: its seccomp filter and its
// Landlock domain do not keep its tracer out, and its other processes and threads are traced from
// their first instruction on.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "tests/faulty_host/system_calls.hpp"

namespace nestbed::faulty_host {

/// A system call by its order, which is the same in each run: threads are numbered in the order in
/// which their process makes them, processes in the order in which the program does. What the C
/// library does before main() is not counted.
struct Place {
    unsigned process = 0;
    unsigned thread = 0;
    long number = 0;
    unsigned nth = 1;  ///< of that number in that thread

    friend auto operator<=>(const Place&, const Place&) = default;
};

struct Call {
    Place place;
    std::string what;  ///< with its path, or the request of an ioctl
};

struct Fault {
    Place place;
    int error = 0;
};

struct TracedRun {
    int exit_code = -1;        ///< -1 if a signal ended it
    std::string died_of;       ///< the signals that ended processes, but for SIGKILL from another
    bool has_hung = false;     ///< and was killed
    unsigned left_behind = 0;  ///< processes that outlived it
    std::string out;
    std::string err;
    std::vector<Call> calls;            ///< of a run without a fault
    std::optional<std::string> failed;  ///< the call that did, if it was reached
};

/// Runs `command` in the folder `place`, for at most `limit`. Throws std::system_error if nothing
/// can be traced here. Ends what it starts.
TracedRun run_traced(const std::vector<std::string>& command, const std::filesystem::path& folder,
                     std::chrono::seconds limit, const std::optional<Fault>& fault);

}  // namespace nestbed::faulty_host
