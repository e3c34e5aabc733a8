// The process that a test's VM has to itself: what goes wrong in there, or on purpose, ends there.
//
// It is this program once more (fork), which makes the VM, confines itself (vmm/sandbox), runs the
// guest and sends what it finds through a pipe. Whoever waits for it here believes nothing of that
// and gives it no more time, and no more memory, than a result may take.
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "vmm/base/error.hpp"
#include "vmm/run/vm_process_messages.hpp"

namespace nestbed::vmm {

/// How long no step may come before the process is ended: before its first one, and behind each of
/// them. Nothing: any time.
struct VmProcessLimits {
    std::optional<std::chrono::milliseconds> first;
    std::optional<std::chrono::milliseconds> next;
};

enum class VmProcessEnd {
    done,         ///< it did all that it was asked to
    failed,       ///< before that, with an error
    died,         ///< the same, of a signal or by an exit of its own
    out_of_time,  ///< and was ended here
    interrupted,  ///< the same, since a stop was requested
};

struct VmProcessOutcome {
    VmProcessEnd end;
    std::string how = {};             ///< of one that died: "signal 9 (Killed)", "exit status 1"
    int signal = 0;                   ///< that it died of, or 0
    std::optional<Error> error = {};  ///< of one that failed
};

/// Runs `work` in a process of its own, hands what it sends to `take` here, and returns when the
/// process is gone. `work` may throw: that is its error. Throws Error if there can be no process,
/// or if it cannot be listened to.
VmProcessOutcome run_in_process(const std::function<void(const VmProcessReport&)>& work,
                                const VmProcessListener::Take& take, const VmProcessLimits& limits,
                                const std::stop_token& stop);

}  // namespace nestbed::vmm
