// Why a guest died, for a person: of every vCPU registers, code, backtrace and page walks, and the
// last lines of the channel.
#pragma once

#include <string>
#include <vector>

#include "vmm/loader/guest.hpp"
#include "vmm/platform/machine.hpp"

namespace nestbed::vmm {

struct Diagnosis {
    std::string summary;  ///< one line: what happened, where
    std::string report;   ///< many lines, without a final newline
};

/// `machine` must have stopped; `log` are the guest's log lines so far.
Diagnosis diagnose(const Machine& machine, const Guest& guest, const Outcome& outcome,
                   const std::vector<std::string>& log);

}  // namespace nestbed::vmm
