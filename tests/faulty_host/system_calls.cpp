#include "tests/faulty_host/system_calls.hpp"

#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace nestbed::faulty_host {

namespace {

const std::vector<int> of_memory{ENOMEM};
const std::vector<int> of_a_descriptor{EMFILE, ENOMEM, EPERM};
const std::vector<int> of_a_path{ENOMEM, EACCES, EIO};

const std::vector<SystemCall>& table() {
    static const std::vector<SystemCall> calls{
        {SYS_ioctl, "ioctl", Way::instead, {ENOMEM, EINTR, EIO, EPERM}},
        // memory
        {SYS_mmap, "mmap", Way::instead, {ENOMEM, EAGAIN, EPERM}},
        {SYS_munmap, "munmap", Way::instead, of_memory},
        {SYS_mremap, "mremap", Way::instead, of_memory},
        {SYS_mprotect, "mprotect", Way::instead, of_memory},
        {SYS_madvise, "madvise", Way::instead, {ENOMEM, EAGAIN, EINVAL}},
        {SYS_mincore, "mincore", Way::instead, {ENOMEM, EAGAIN}},
        {SYS_brk, "brk", Way::as_brk, of_memory},
        {SYS_memfd_create, "memfd_create", Way::instead, of_a_descriptor},
        {SYS_ftruncate, "ftruncate", Way::instead, {EIO, EINTR, EPERM}},
        {SYS_fallocate, "fallocate", Way::instead, {ENOSPC, EINTR, EIO}},
        {SYS_userfaultfd, "userfaultfd", Way::instead, of_a_descriptor},
        // processes and threads
        {SYS_clone, "clone", Way::instead, {EAGAIN, ENOMEM}},
        {SYS_clone3, "clone3", Way::instead, {EAGAIN, ENOMEM}},
        {SYS_fork, "fork", Way::instead, {EAGAIN, ENOMEM}},
        {SYS_vfork, "vfork", Way::instead, {EAGAIN, ENOMEM}},
        {SYS_wait4, "wait4", Way::instead, {EINTR, ECHILD}},
        {SYS_set_robust_list, "set_robust_list", Way::instead, {EINVAL}},
        // Of waits: any other error is none that the kernel has for them, and glibc aborts.
        {SYS_futex, "futex", Way::instead, {EINTR, EAGAIN}},
        {SYS_sched_setaffinity, "sched_setaffinity", Way::instead, {EINVAL, EPERM}},
        {SYS_sched_getaffinity, "sched_getaffinity", Way::instead, {EINVAL, EPERM}},
        {SYS_clock_nanosleep, "clock_nanosleep", Way::instead, {EINTR}},
        {SYS_nanosleep, "nanosleep", Way::instead, {EINTR}},
        // signals
        {SYS_tgkill, "tgkill", Way::instead, {EAGAIN, ESRCH, EPERM}},
        {SYS_kill, "kill", Way::instead, {EPERM, ESRCH}},
        {SYS_rt_sigaction, "rt_sigaction", Way::instead, {EINVAL}},
        {SYS_rt_sigprocmask, "rt_sigprocmask", Way::instead, {EINVAL}},
        {SYS_rt_sigtimedwait, "rt_sigtimedwait", Way::instead, {EINTR, EAGAIN}},
        {SYS_sigaltstack, "sigaltstack", Way::instead, of_memory},
        // rights and limits
        {SYS_prctl, "prctl", Way::instead, {EPERM, EINVAL}},
        {SYS_seccomp, "seccomp", Way::instead, {ENOMEM, EACCES, EINVAL}},
        {SYS_landlock_create_ruleset,
         "landlock_create_ruleset",
         Way::instead,
         {ENOMEM, EOPNOTSUPP}},
        {SYS_landlock_restrict_self, "landlock_restrict_self", Way::instead, {EPERM, E2BIG}},
        {SYS_capset, "capset", Way::instead, {EPERM}},
        {SYS_capget, "capget", Way::instead, {EPERM}},
        {SYS_prlimit64, "prlimit64", Way::instead, {EPERM}},
        // descriptors
        {SYS_pipe2, "pipe2", Way::instead, {EMFILE, ENFILE}},
        {SYS_eventfd2, "eventfd2", Way::instead, of_a_descriptor},
        {SYS_pidfd_open, "pidfd_open", Way::instead, of_a_descriptor},
        {SYS_perf_event_open, "perf_event_open", Way::instead, {EACCES, EMFILE}},
        {SYS_poll, "poll", Way::instead, {EINTR, ENOMEM}},
        {SYS_ppoll, "ppoll", Way::instead, {EINTR, ENOMEM}},
        {SYS_dup, "dup", Way::instead, {EMFILE}},
        {SYS_dup2, "dup2", Way::instead, {EBUSY, EINTR}},
        {SYS_fcntl, "fcntl", Way::instead, {EBADF, EMFILE}},
        {SYS_close, "close", Way::after_it_was_done, {EIO, EINTR}},
        {SYS_close_range, "close_range", Way::instead, {ENOMEM, ENOSYS}},
        // files
        {SYS_open, "open", Way::instead, {EMFILE, EINTR, EACCES, EIO}, 0},
        {SYS_openat, "openat", Way::instead, {EMFILE, EINTR, EACCES, EIO}, 1},
        {SYS_read, "read", Way::instead, {EIO, EINTR}},
        {SYS_pread64, "pread64", Way::instead, {EIO, EINTR}},
        {SYS_readv, "readv", Way::instead, {EIO, EINTR}},
        {SYS_write, "write", Way::instead, {ENOSPC, EIO, EINTR}},
        {SYS_writev, "writev", Way::instead, {ENOSPC, EIO, EINTR}},
        {SYS_lseek, "lseek", Way::instead, {EINVAL}},
        {SYS_fdatasync, "fdatasync", Way::instead, {EIO, ENOSPC}},
        {SYS_fsync, "fsync", Way::instead, {EIO, ENOSPC}},
        {SYS_flock, "flock", Way::instead, {EINTR, ENOLCK}},
        {SYS_fstat, "fstat", Way::instead, of_memory},
        {SYS_stat, "stat", Way::instead, of_a_path, 0},
        {SYS_lstat, "lstat", Way::instead, of_a_path, 0},
        {SYS_newfstatat, "newfstatat", Way::instead, of_a_path, 1},
        {SYS_access, "access", Way::instead, of_a_path, 0},
        {SYS_readlink, "readlink", Way::instead, of_a_path, 0},
        {SYS_getcwd, "getcwd", Way::instead, of_memory},
        {SYS_getdents64, "getdents64", Way::instead, {EIO}},
        {SYS_rename, "rename", Way::instead, {EIO, ENOSPC, EPERM}, 0},
        {SYS_unlink, "unlink", Way::instead, {EIO, EPERM}, 0},
        {SYS_unlinkat, "unlinkat", Way::instead, {EIO, EPERM}, 1},
        {SYS_rmdir, "rmdir", Way::instead, {EIO, EPERM}, 0},
        {SYS_mkdir, "mkdir", Way::instead, {ENOSPC, EPERM}, 0},
        {SYS_statfs, "statfs", Way::instead, {EIO}, 0},
        {SYS_getrandom, "getrandom", Way::instead, {EAGAIN, ENOSYS}},
        {SYS_sysinfo, "sysinfo", Way::instead, {EPERM}},
        // These cannot fail with good arguments, or do not return. (uname, clock_gettime and their
        // like: an address of ours is never a bad one. Without rseq, which it knows to be there,
        // glibc aborts.)
        {SYS_rseq, "rseq", Way::never, {}},
        {SYS_getpid, "getpid", Way::never, {}},
        {SYS_getppid, "getppid", Way::never, {}},
        {SYS_gettid, "gettid", Way::never, {}},
        {SYS_getuid, "getuid", Way::never, {}},
        {SYS_geteuid, "geteuid", Way::never, {}},
        {SYS_getgid, "getgid", Way::never, {}},
        {SYS_getegid, "getegid", Way::never, {}},
        {SYS_uname, "uname", Way::never, {}},
        {SYS_sched_yield, "sched_yield", Way::never, {}},
        {SYS_clock_gettime, "clock_gettime", Way::never, {}},
        {SYS_gettimeofday, "gettimeofday", Way::never, {}},
        {SYS_restart_syscall, "restart_syscall", Way::never, {}},
        {SYS_rt_sigreturn, "rt_sigreturn", Way::never, {}},
        {SYS_exit, "exit", Way::never, {}},
        {SYS_exit_group, "exit_group", Way::never, {}},
    };
    return calls;
}

}  // namespace

const SystemCall* system_call(long number) {
    const auto found = std::ranges::find(table(), number, &SystemCall::number);
    return found == table().end() ? nullptr : &*found;
}

std::string name_of_error(int error) {
    const char* const name = ::strerrorname_np(error);
    return name == nullptr ? std::to_string(error) : name;
}

}  // namespace nestbed::faulty_host
