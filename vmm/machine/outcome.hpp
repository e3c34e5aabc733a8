// How a VM's run ended.
#pragma once

#include <cstdint>
#include <string>

namespace nestbed::vmm {

enum class Ending {
    finished,         ///< the guest said so
    panicked,         ///< the guest's kernel gave up; its PanicReport says why
    triple_fault,     ///< KVM_EXIT_SHUTDOWN
    internal_error,   ///< KVM_EXIT_INTERNAL_ERROR: KVM could not run or emulate an instruction
    entry_failed,     ///< KVM_EXIT_FAIL_ENTRY: the processor refused the guest's state
    unexpected_exit,  ///< an exit that no guest of ours causes on purpose
    host_error,       ///< KVM_RUN or another host call failed
    timed_out,        ///< the watchdog
    interrupted,      ///< Ctrl-C
};

struct Outcome {
    Ending ending;
    std::uint32_t cpu;   ///< the vCPU that ended it, where one did
    std::string detail;  ///< in words, with the numbers that belong to it
};

}  // namespace nestbed::vmm
