#include "vmm/sandbox/sandbox.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/error.hpp"
#include "vmm/base/file.hpp"
#include "vmm/base/kernel_file.hpp"
#include "vmm/base/sanitizers.hpp"
#include "vmm/base/text.hpp"
#include "vmm/sandbox/landlock.hpp"
#include "vmm/sandbox/system_calls.hpp"

namespace nestbed::vmm {

namespace {

[[noreturn]] void fail(const char* what, int error) {
    throw_error(ErrorKind::kernel_refused, "cannot confine the process of a VM: {}: {}", what,
                std::strerror(error));
}

/// `result` is of the system call `what`.
void require(int result, const char* what) {
    if (result < 0) {
        fail(what, errno);
    }
}

void limit(int resource, rlim_t most, const char* name) {
    rlimit now{};
    require(::getrlimit(static_cast<__rlimit_resource>(resource), &now), "getrlimit");
    now.rlim_max = std::min(now.rlim_max, most);
    now.rlim_cur = std::min(now.rlim_cur, now.rlim_max);
    require(::setrlimit(static_cast<__rlimit_resource>(resource), &now), name);
}

/// Bytes of private memory that can be written, stacks included: what RLIMIT_DATA is about.
std::uint64_t written_memory() {
    // The sixth number, in pages (proc(5)).
    const std::string said = read_file("/proc/self/statm", ErrorKind::kernel_refused);
    const auto numbers = split(said, ' ');
    const auto pages = numbers.size() > 5 ? whole_number(numbers[5]) : std::nullopt;
    if (!pages) {
        throw_error(ErrorKind::kernel_refused,
                    "cannot confine the process of a VM: /proc/self/statm does not say how much "
                    "memory it has");
    }
    return *pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void limit_resources(const SandboxLimits& limits) {
    limit(RLIMIT_CORE, 0, "RLIMIT_CORE");
    limit(RLIMIT_FSIZE, 0, "RLIMIT_FSIZE");
    // In a root without /proc nothing says from where on to count, and a sanitizer's shadow memory
    // is beyond any limit.
    if (!has_sanitizer && is_there("/proc/self/statm")) {
        rlimit stack{};
        require(::getrlimit(RLIMIT_STACK, &stack), "getrlimit");
        constexpr rlim_t usual_stack = 8 << 20;
        const rlim_t each = stack.rlim_cur == RLIM_INFINITY ? usual_stack : stack.rlim_cur;
        limit(RLIMIT_DATA, written_memory() + limits.memory + limits.threads * each, "RLIMIT_DATA");
    }
}

void drop_capabilities() {
    __user_cap_header_struct header{};
    header.version = _LINUX_CAPABILITY_VERSION_3;
    const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    require(static_cast<int>(::syscall(SYS_capset, &header, none.data())), "capset");
}

void close_all(unsigned first, unsigned last) {
    if (::syscall(SYS_close_range, first, last, 0) == 0) {
        return;
    }
    // Linux before 5.9, or a container that does not let it through.
    for (const auto& entry : entries_of("/proc/self/fd")) {
        const auto number = whole_number(entry.filename().string());
        if (number && *number >= first && *number <= last) {
            ::close(static_cast<int>(*number));
        }
    }
}

}  // namespace

SandboxParts find_sandbox_parts() {
    // Once, and not again in each process that is forked: what is said of the sandbox is what is
    // done.
    static const SandboxParts parts{.seccomp = can_filter_system_calls(),
                                    .landlock = landlock_version()};
    return parts;
}

std::string text_of(const SandboxParts& parts) {
    return fmt::format("{}, {}", parts.seccomp ? "seccomp" : "no seccomp",
                       parts.landlock != 0 ? fmt::format("Landlock {}", parts.landlock)
                                           : std::string("no Landlock"));
}

void leave_descriptors(std::initializer_list<int> kept) {
    Descriptor nothing(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (nothing.get() < 0 && errno == ENOENT) {
        nothing = Descriptor(::memfd_create("nothing", MFD_CLOEXEC));  // a root without /dev
    }
    require(nothing.get(), "/dev/null");
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        // That is where a sanitizer reports.
        if (!has_sanitizer || stream != STDERR_FILENO) {
            require(::dup2(nothing.get(), stream), "dup2");
        }
    }
    std::vector<int> all{STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, nothing.get()};
    all.insert(all.end(), kept);
    std::ranges::sort(all);
    all.push_back(-1);  // whose predecessor, as unsigned, is behind the last one
    for (std::size_t n = 0; n + 1 < all.size(); ++n) {
        const auto first = static_cast<unsigned>(all[n]) + 1;
        const auto last = static_cast<unsigned>(all[n + 1]) - 1;
        if (first <= last) {
            close_all(first, last);
        }
    }
}

void forget_environment() {
    for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
        std::memset(*variable, 0, std::strlen(*variable));
    }
    ::clearenv();
}

void die_first(pid_t parent) {
    require(::prctl(PR_SET_PDEATHSIG, SIGKILL), "PR_SET_PDEATHSIG");
    if (::getppid() != parent) {
        ::_exit(1);  // it was gone before that
    }
    // Where /proc is read-only the kernel chooses whom to end: no reason to run nothing.
    const Descriptor file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    static_cast<void>(write_all(file.get(), "1000"));
}

void confine_process(const SandboxParts& parts, const SandboxLimits& limits) {
    require(::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS");
    limit_resources(limits);
    drop_capabilities();
    if (parts.landlock != 0) {
        close_file_system(parts.landlock);
    }
    // Those that are open stay open. poll() takes no more at once than that.
    constexpr rlim_t descriptors = 8;
    limit(RLIMIT_NOFILE, descriptors, "RLIMIT_NOFILE");
    if (parts.seccomp) {
        filter_system_calls();
    }
}

}  // namespace nestbed::vmm
