// Landlock (Linux Documentation/userspace-api/landlock.rst): a process gives up the file system.
#pragma once

namespace nestbed::vmm {

/// 0 where the kernel has none, or it is off.
unsigned landlock_version();

/// From now on this thread, and those that it starts, open no file by its name, bind and connect no
/// TCP socket, and reach no process outside by a signal or an abstract socket; as far as `version`
/// knows of that. Needs PR_SET_NO_NEW_PRIVS. Throws Error.
void close_file_system(unsigned version);

}  // namespace nestbed::vmm
