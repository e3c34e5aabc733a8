// The filter of system calls (seccomp(2)) of a process that runs a VM.
#pragma once

namespace nestbed::vmm {

bool can_filter_system_calls();

/// From now on all threads of this process can make the system calls only that the run of a VM
/// needs, and what comes after it; the others fail with EPERM. Needs PR_SET_NO_NEW_PRIVS. Throws
/// Error.
void filter_system_calls();

}  // namespace nestbed::vmm
