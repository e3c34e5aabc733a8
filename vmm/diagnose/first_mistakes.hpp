// Faults that have a name of their own: what a person did, not what the processor made of it.
#pragma once

#include <optional>
#include <string>

#include "vmm/diagnose/stopped_cpu.hpp"
#include "vmm/diagnose/symbols.hpp"
#include "vmm/loader/elf_image.hpp"

namespace nestbed::vmm {

/// "stack overflow of vCPU 1: its kernel stack has 16 KiB", of the vCPU that `ending` is about.
std::optional<std::string> stack_overflow_text(const StoppedCpu& cpu, const ElfImage& image,
                                               Ending ending);

/// Whether user mode ran into the kernel's code: then it is the caller that is of interest.
bool is_user_call_of_kernel(const StoppedCpu& cpu, const ElfImage& image);

/// "user code called guest::cpu_count(), which is not GUEST_USER", or read or wrote something
/// there.
std::optional<std::string> user_reach_text(const StoppedCpu& cpu, const ElfImage& image,
                                           const Symbols& symbols);

}  // namespace nestbed::vmm
