// Why a guest died, for a person: of every vCPU registers, code, backtrace and page walks, and the
// last lines of the channel.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/loader/guest.hpp"
#include "vmm/platform/machine.hpp"

namespace nestbed::vmm {

struct Diagnosis {
    std::string summary;  ///< one line: what happened, where
    std::string report;   ///< many lines, without a final newline
    /// Of these the instruction at fault and the way there, of the vCPU that is to blame, and fewer
    /// log lines.
    std::string brief;
};

/// `machine` must have stopped; `log` are the guest's log lines so far, `log_left_out` of them left
/// out before the last ones.
Diagnosis diagnose(const Machine& machine, const Guest& guest, const Outcome& outcome,
                   const std::vector<std::string>& log, std::uint64_t log_left_out);

}  // namespace nestbed::vmm
