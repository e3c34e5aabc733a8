// The functions that were on their way: by the call-frame information of the guest's ELF file, and
// by the chain of frame pointers where it has none. The stack is the guest's and may hold anything:
// whatever does not look like a frame ends it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "vmm/diagnose/stopped_cpu.hpp"
#include "vmm/diagnose/symbols.hpp"
#include "vmm/memory/virtual_memory.hpp"

namespace nestbed::vmm {

struct StackFrame {
    enum class Kind {
        instruction,  ///< `address` is the instruction itself
        behind,       ///< `address` is behind it: a call, or what the CPU was stopped by
        trap,         ///< `address` is the instruction that a trap or an interrupt came in at
    };

    Kind kind;
    std::uint64_t address;
    std::optional<std::uint64_t> vector{};  ///< of a trap, if it is known

    /// A byte of the instruction. What is behind a call may belong to the next function, if the
    /// call is the last instruction of its own because it does not return.
    std::uint64_t code() const { return address - (kind == Kind::behind ? 1 : 0); }
};

struct Backtrace {
    std::vector<StackFrame> frames;  ///< innermost first
    std::string end;                 ///< why there are no more; empty at the proper end
};

/// More than these nobody has, and nobody waits for.
inline constexpr std::size_t most_stack_frames = 2048;

Backtrace backtrace(const CpuState& state, const VirtualMemory& memory, const Symbols& symbols);

/// Lines, each with its end. Frames that repeat are shown once.
std::string show_backtrace(const Backtrace& backtrace, const Symbols& symbols);

}  // namespace nestbed::vmm
