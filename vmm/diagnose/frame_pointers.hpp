// The functions that were on their way, by the chain of frame pointers alone: for guests of which
// nobody knows that their file's call-frame information is for the mode that they were in. Code
// that keeps no frame pointers is left out, or ends it.
#pragma once

#include "vmm/diagnose/backtrace.hpp"

namespace nestbed::vmm {

/// The first frame alone of 16-bit code, which has its own ways to call.
Backtrace backtrace_by_frame_pointers(const CpuState& state, const VirtualMemory& memory,
                                      const Symbols& symbols);

}  // namespace nestbed::vmm
