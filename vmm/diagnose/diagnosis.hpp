// Why a guest died, for a person: of every vCPU registers, code, backtrace and page walks, and the
// last lines that the guest wrote.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/diagnose/stopped_machine.hpp"
#include "vmm/machine/exit_table.hpp"

namespace nestbed::vmm {

struct Diagnosis {
    std::string summary;  ///< one line: what happened, where
    std::string report;   ///< many lines, without a final newline
    /// Of these the instruction at fault and the way there, of the vCPU that is to blame, and fewer
    /// log lines.
    std::string brief;
};

/// The guest's log lines, `left_out` of them before the last ones.
struct DiagnosedLog {
    const std::vector<std::string>& lines;
    std::uint64_t left_out;
    const char* came_by = "channel";  ///< what they came by: "serial line"
};

/// The symbols and the debug information of the guest's file, which it takes libelf and libdw to
/// read: hundreds of megabytes and minutes, if somebody has made the file for that. Whoever has no
/// limit of both leaves them out.
enum class DebugInformation { leave_out, use };

/// One at a time in a process: libelf and libdw promise nothing about threads.
Diagnosis diagnose(const StoppedMachine& machine, const Outcome& outcome, const DiagnosedLog& log,
                   DebugInformation use);

}  // namespace nestbed::vmm
