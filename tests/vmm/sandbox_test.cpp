// Whoever has broken out of a guest: what the process of a VM can still do. The hook runs where
// that would be, behind the guest, in the same process.
#include <fcntl.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>

#include "kvm_test.hpp"
#include "vmm/base/sanitizers.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {
namespace {

using testing::IsEmpty;

class SandboxTest : public test::KvmTest {
  protected:
    /// What `attempt` returns in there: what it could do that it should not.
    std::vector<std::string> what_goes(const std::function<std::vector<std::string>()>& attempt,
                                       Sandbox sandbox = Sandbox::on) {
        const test::GuestAndTest empty("boot", "empty");
        TestSettings settings;
        settings.confinement.sandbox = sandbox;
        settings.inspect = [&](const Machine&, TestResult& result, const std::stop_token&) {
            result.log = attempt();
        };
        const TestResult result = run_test(system(), empty.guest, empty.test, settings, {});
        EXPECT_EQ(result.verdict, Verdict::passed) << result.reason;
        return result.log;
    }

    void SetUp() override {
        test::KvmTest::SetUp();
        if (!IsSkipped() && !find_sandbox_parts().seccomp) {
            GTEST_SKIP() << "NOT TESTED: this kernel has no seccomp";
        }
    }
};

/// Names what went though it should not have.
class Attempts {
  public:
    /// `result` is of a system call. Only the filter's own errors are refusals of it (ENOSYS: of
    /// clone3): with another, the kernel has looked at what was asked, and might have done it with
    /// better arguments.
    void refused(const char* what, long result) {
        const int error = errno;
        if (result >= 0) {
            went_.emplace_back(what);
        } else if (error != EPERM && error != ENOSYS) {
            went_.emplace_back(fmt::format("{}: {}", what, std::strerror(error)));
        }
    }
    std::vector<std::string> went() const { return went_; }

  private:
    std::vector<std::string> went_;
};

std::vector<std::string> reach_out() {
    Attempts attempts;
    const pid_t parent = ::getppid();
    // Files.
    attempts.refused("read a file", ::open("/etc/passwd", O_RDONLY));
    attempts.refused("write a file", ::open("/tmp/nestbed-sandbox", O_WRONLY | O_CREAT, 0600));
    attempts.refused("open a device", ::open("/dev/kvm", O_RDWR));
    attempts.refused("open its own memory", ::open("/proc/self/mem", O_RDWR));
    attempts.refused("open another's memory",
                     ::open(fmt::format("/proc/{}/mem", parent).c_str(), O_RDWR));
    attempts.refused("remove a file", ::unlink("/tmp/nestbed-sandbox"));
    attempts.refused("make a folder", ::mkdir("/tmp/nestbed-sandbox", 0700));
    attempts.refused("make a memory file", ::memfd_create("x", 0));
    attempts.refused("open by a handle", ::syscall(SYS_open_by_handle_at, 0, nullptr, 0));
    attempts.refused("use io_uring", ::syscall(SYS_io_uring_setup, 1, nullptr));
    // Other processes.
    attempts.refused("fork", ::fork());
    attempts.refused("vfork", ::syscall(SYS_vfork));
    attempts.refused("clone a process", ::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0));
    attempts.refused("clone3", ::syscall(SYS_clone3, nullptr, 0));
    char* const no_arguments[] = {nullptr};
    attempts.refused("run a program", ::execve("/bin/true", no_arguments, no_arguments));
    attempts.refused("signal its parent", ::kill(parent, 0));
    attempts.refused("signal a thread of its parent's", ::syscall(SYS_tgkill, parent, parent, 0));
    attempts.refused("signal by number", ::syscall(SYS_tkill, parent, 0));
    attempts.refused("trace its parent", ::ptrace(PTRACE_SEIZE, parent, nullptr, nullptr));
    std::uint64_t word = 0;
    const iovec own{&word, sizeof word};
    attempts.refused("read another's memory", ::process_vm_readv(parent, &own, 1, &own, 1, 0));
    attempts.refused("write another's memory", ::process_vm_writev(parent, &own, 1, &own, 1, 0));
    attempts.refused("hold another process", ::syscall(SYS_pidfd_open, parent, 0));
    attempts.refused("move another process", ::sched_setaffinity(parent, 0, nullptr));
    attempts.refused("change another's limits", ::prlimit(parent, RLIMIT_CORE, nullptr, nullptr));
    // The network.
    for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET}) {
        attempts.refused("open a socket", ::socket(family, SOCK_DGRAM, 0));
    }
    // The kernel.
    attempts.refused("load a BPF program", ::syscall(SYS_bpf, 0, nullptr, 0));
    attempts.refused("open perf", ::syscall(SYS_perf_event_open, nullptr, 0, -1, -1, 0));
    attempts.refused("open a userfaultfd", ::syscall(SYS_userfaultfd, 0));
    attempts.refused("leave its namespace", ::unshare(CLONE_NEWUSER));
    attempts.refused("mount", ::syscall(SYS_mount, "none", "/tmp", "tmpfs", 0, nullptr));
    attempts.refused("make keys", ::syscall(SYS_add_key, "user", "x", "x", 1, -2));
    attempts.refused("change its user", ::setuid(0));
    attempts.refused("make a descriptor", ::dup(0));
    // Code.
    attempts.refused("map code", ::mmap(nullptr, 4096, PROT_READ | PROT_EXEC,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
                                     ? -1
                                     : 0);
    for (const int flags : {MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB}) {
        attempts.refused(
            "map memory that no limit counts",
            ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, flags, -1, 0) == MAP_FAILED ? -1 : 0);
    }
    void* const page =
        ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    attempts.refused("make memory code", ::mprotect(page, 4096, PROT_READ | PROT_EXEC));
    return attempts.went();
}

TEST_F(SandboxTest, OpensNothingAndReachesNobody) { EXPECT_THAT(what_goes(reach_out), IsEmpty()); }

TEST_F(SandboxTest, TheAttemptsWouldGoWithoutIt) {
    // Else the test above proves nothing: those that need no privilege and do no harm.
    const auto some = [] {
        Attempts attempts;
        attempts.refused("read a file", ::open("/etc/passwd", O_RDONLY));
        attempts.refused("make a memory file", ::memfd_create("x", 0));
        attempts.refused("open a socket", ::socket(AF_UNIX, SOCK_DGRAM, 0));
        attempts.refused("signal its parent", ::kill(::getppid(), 0));
        const pid_t child = ::fork();
        if (child == 0) {
            ::_exit(0);
        }
        ::waitpid(child, nullptr, 0);
        attempts.refused("fork", child);
        return attempts.went();
    };
    EXPECT_EQ(what_goes(some, Sandbox::off).size(), 5U);
    EXPECT_THAT(what_goes(some), IsEmpty());
}

TEST_F(SandboxTest, TheFileSystemIsClosedTwice) {
    if (find_sandbox_parts().landlock == 0) {
        GTEST_SKIP() << "NOT TESTED: this kernel has no Landlock";
    }
    // Without the filter of system calls, Landlock alone.
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        try {
            confine_process({.seccomp = false, .landlock = find_sandbox_parts().landlock},
                            {.memory = 1 << 20, .threads = 1});
        } catch (const Error&) {
            ::_exit(2);
        }
        ::_exit(::open(NESTBED_PROGRAM, O_RDONLY) < 0 && errno == EACCES ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST_F(SandboxTest, HasTheDescriptorsOfItsVmAlone) {
    // Something of ours that it shall not inherit.
    const Descriptor ours(::open(NESTBED_PROGRAM, O_RDONLY));
    ASSERT_GE(ours.get(), 0);
    const int number = ours.get();
    const auto look = [number] {
        return ::fcntl(number, F_GETFD) < 0 || ::lseek(number, 0, SEEK_END) <= 0
                   ? std::vector<std::string>()
                   : std::vector<std::string>{"it is still there"};
    };
    EXPECT_THAT(what_goes(look, Sandbox::off), IsEmpty());
    EXPECT_THAT(what_goes(look), IsEmpty());
}

TEST_F(SandboxTest, HasNothingOfTheEnvironment) {
    // Tokens of CI systems are in there.
    // A nested machine's first process has no PATH.
    const char* const name = ::getenv("PATH") != nullptr ? "PATH" : "HOME";
    const char* const value = ::getenv(name);
    ASSERT_NE(value, nullptr);
    ASSERT_STRNE(value, "");
    const auto look = [name, value] {
        std::vector<std::string> there;
        if (*value != '\0') {
            there.emplace_back(value);
        }
        if (::getenv(name) != nullptr) {
            there.emplace_back(name);
        }
        return there;
    };
    EXPECT_EQ(look().size(), 2U);
    EXPECT_THAT(what_goes(look), IsEmpty());
    EXPECT_THAT(what_goes(look, Sandbox::off), IsEmpty());
}

TEST_F(SandboxTest, HasItsOwnMemoryAndNotTheHosts) {
    if (has_sanitizer) {
        GTEST_SKIP() << "a sanitizer's shadow memory is beyond any limit";
    }
    const auto take = [] {
        constexpr std::size_t much = std::size_t{2} << 30;
        void* const memory = ::mmap(nullptr, much, PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        return memory == MAP_FAILED ? std::vector<std::string>()
                                    : std::vector<std::string>{"2 GiB"};
    };
    EXPECT_THAT(what_goes(take), IsEmpty());
}

TEST_F(SandboxTest, HasNoCapabilities) {
    const auto look = [] {
        // CAP_SYS_NICE, CAP_IPC_LOCK would be needed.
        std::vector<std::string> went;
        if (::setpriority(PRIO_PROCESS, 0, -5) == 0) {
            went.emplace_back("raise its priority");
        }
        if (::syscall(SYS_sched_setscheduler, 0, SCHED_FIFO, nullptr) == 0) {
            went.emplace_back("run in real time");
        }
        return went;
    };
    EXPECT_THAT(what_goes(look), IsEmpty());
}

TEST_F(SandboxTest, AProcessThatDiesInThereCostsItsTestAlone) {
    const test::GuestAndTest empty("boot", "empty");
    TestSettings settings;
    settings.inspect = [](const Machine&, TestResult&, const std::stop_token&) { std::abort(); };
    const TestResult died = run_test(system(), empty.guest, empty.test, settings, {});
    EXPECT_EQ(died.verdict, Verdict::failed);
    EXPECT_THAT(died.reason, testing::HasSubstr("the process of its VM died of signal 6"));
    ASSERT_TRUE(died.error);
    EXPECT_EQ(died.error->kind(), ErrorKind::ours);
    EXPECT_EQ(run_test(system(), empty.guest, empty.test, {}, {}).verdict, Verdict::passed);
}

}  // namespace
}  // namespace nestbed::vmm
