// What a vCPU has left in its guest's memory: all that there is of one whose registers KVM has
// reset, as it does on AMD after a triple fault (KVM_EXIT_SHUTDOWN; KVM's arch/x86/kvm/svm/svm.c,
// shutdown_interception).
#pragma once

#include <cstdint>
#include <string>

#include "vmm/diagnose/stopped_machine.hpp"
#include "vmm/diagnose/symbols.hpp"

namespace nestbed::vmm {

/// Lines, each with its end: the root that it had loaded and the one that it was about to load,
/// whether they and the kernel's tables still lead to the kernel image, and what traps have left on
/// its stacks.
std::string show_left_behind(const StoppedMachine& machine, const OwnGuest& own,
                             const Symbols& symbols, std::uint32_t cpu);

}  // namespace nestbed::vmm
