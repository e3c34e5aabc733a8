// The nested machine's first process.
#pragma once

namespace nestbed::vmm {

/// Loads KVM, runs the command, sends what it writes, and switches the machine off. What goes
/// wrong is sent as well. Throws Error(bad_input) anywhere but in such a machine.
[[noreturn]] void run_nested_init();

}  // namespace nestbed::vmm
