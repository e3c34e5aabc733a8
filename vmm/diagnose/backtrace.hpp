// The functions that were on their way, by the chain of frame pointers. The stack is the guest's
// and may hold anything: whatever does not look like a frame ends the chain.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/diagnose/cpu_state.hpp"
#include "vmm/diagnose/symbols.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

struct StackFrame {
    enum class Kind {
        instruction,  ///< `address` is the instruction itself
        call,         ///< `address` is behind a call
        trap,         ///< `address` is the instruction that a trap or an interrupt came in at
    };

    Kind kind;
    std::uint64_t address;
    std::uint64_t vector = 0;  ///< of a trap
};

struct Backtrace {
    std::vector<StackFrame> frames;  ///< innermost first
    std::string end;                 ///< why there are no more; empty at the proper end
};

Backtrace backtrace(const CpuState& state, const VirtualMemory& memory, const Symbols& symbols);

/// Lines, each with its end. Frames that repeat are shown once.
std::string show_backtrace(const Backtrace& backtrace, const Symbols& symbols);

}  // namespace nestbed::vmm
