#include "vmm/sandbox/system_calls.hpp"

#include <linux/kvm.h>
#include <linux/seccomp.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>

#include "vmm/base/error.hpp"

namespace nestbed::vmm {

namespace {

/// Whatever their arguments: they reach nothing but this process's own memory, threads and open
/// descriptors, or are clocks.
constexpr std::array harmless{
    SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(readv), SCMP_SYS(write), SCMP_SYS(writev),
    SCMP_SYS(lseek), SCMP_SYS(close), SCMP_SYS(fstat), SCMP_SYS(poll), SCMP_SYS(ppoll),
    // memory and threads
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(mincore), SCMP_SYS(brk),
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(gettid), SCMP_SYS(getpid),
    SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(exit), SCMP_SYS(exit_group),
    // signals of its own
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    // time, and what the host is
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep), SCMP_SYS(gettimeofday),
    SCMP_SYS(sysinfo), SCMP_SYS(getrandom)};

/// KVM_SET_MSRS, whose structure some kernels' headers give another size in C++.
constexpr std::uint64_t set_msrs = _IOW(KVMIO, 0x89, std::uint32_t[2]);

/// What is asked of a VM, its vCPUs and their memory while it runs and when it has stopped. None
/// makes a VM, a vCPU, a device or a descriptor. The most frequent one first: the filter looks at
/// them one by one.
constexpr std::array<std::uint64_t, 18> ioctls{
    KVM_RUN,
    KVM_GET_REGS,
    KVM_GET_SREGS,
    KVM_GET_MP_STATE,
    KVM_IRQ_LINE,
    KVM_SET_REGS,
    KVM_SET_SREGS,
    set_msrs,
    KVM_SET_USER_MEMORY_REGION,
    KVM_GET_DIRTY_LOG,
    KVM_CLEAR_DIRTY_LOG,
    KVM_RESET_DIRTY_RINGS,
    UFFDIO_REGISTER,
    UFFDIO_UNREGISTER,
    UFFDIO_WAKE,
    UFFDIO_COPY,
    UFFDIO_CONTINUE,
    UFFDIO_ZEROPAGE,
};

using Filter = std::unique_ptr<void, decltype(&seccomp_release)>;

/// `result` is of libseccomp: 0, or minus the errno.
void require_added(int result) {
    if (result != 0) {
        throw_error(ErrorKind::kernel_refused,
                    "cannot confine the process of a VM: the filter of system calls: {}",
                    std::strerror(-result));
    }
}

template <typename... Conditions>
void allow(const Filter& filter, int system_call, Conditions... conditions) {
    require_added(seccomp_rule_add(filter.get(), SCMP_ACT_ALLOW, system_call, sizeof...(conditions),
                                   conditions...));
}

/// libseccomp's macros are C.
scmp_arg_cmp argument_is(unsigned number, std::uint64_t value) {
    return {number, SCMP_CMP_EQ, value, 0};
}
scmp_arg_cmp argument_has(unsigned number, std::uint64_t mask, std::uint64_t value) {
    return {number, SCMP_CMP_MASKED_EQ, mask, value};
}

/// What glibc makes a thread by, and nothing that makes a process.
constexpr std::uint64_t of_a_thread =
    CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
/// A namespace of its own is a door to much of the kernel.
constexpr std::uint64_t of_namespaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                        CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;

}  // namespace

bool can_filter_system_calls() {
    std::uint32_t action = SECCOMP_RET_ERRNO;
    return ::syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

void filter_system_calls() {
    const Filter filter(seccomp_init(SCMP_ACT_ERRNO(EPERM)), &seccomp_release);
    if (!filter) {
        require_added(-ENOMEM);
    }
    // The kernel's own errors, where libseccomp would say ECANCELED.
    require_added(seccomp_attr_set(filter.get(), SCMP_FLTATR_API_SYSRAWRC, 1));
    // "No new privileges" is set already.
    require_added(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_NNP, 0));
    require_added(seccomp_syscall_priority(filter.get(), SCMP_SYS(ioctl), 255));
    for (const std::uint64_t request : ioctls) {
        allow(filter, SCMP_SYS(ioctl), argument_is(1, request));
    }
    for (const int system_call : harmless) {
        allow(filter, system_call);
    }
    // Memory that the limits count: neither that of files, nor of pools, nor stacks that grow.
    allow(filter, SCMP_SYS(mmap), argument_has(2, PROT_EXEC, 0),
          argument_has(3, MAP_SHARED | MAP_GROWSDOWN | MAP_HUGETLB, 0));
    allow(filter, SCMP_SYS(mprotect), argument_has(2, PROT_EXEC | PROT_GROWSDOWN, 0));
    const auto own = static_cast<std::uint64_t>(::getpid());
    allow(filter, SCMP_SYS(tgkill), argument_is(0, own));
    allow(filter, SCMP_SYS(sched_setaffinity), argument_is(0, 0));
    allow(filter, SCMP_SYS(clone), argument_has(0, of_a_thread | of_namespaces, of_a_thread));
    // Its flags are in memory, where no filter sees them; glibc takes clone() then.
    require_added(seccomp_rule_add(filter.get(), SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0));
    // The threads that there are already, too.
    require_added(seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1));
    require_added(seccomp_load(filter.get()));
}

}  // namespace nestbed::vmm
