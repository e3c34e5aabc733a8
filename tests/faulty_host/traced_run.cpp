#include "tests/faulty_host/traced_run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <map>
#include <set>
#include <system_error>

#include "vmm/base/descriptor.hpp"
#include "vmm/base/file.hpp"

namespace nestbed::faulty_host {

namespace {

using vmm::Descriptor;

[[noreturn]] void fail(const char* what) {
    throw std::system_error(errno, std::generic_category(), what);
}

long require(long result, const char* what) {
    if (result < 0) {
        fail(what);
    }
    return result;
}

/// glibc's is variadic.
long trace(__ptrace_request request, pid_t thread, std::uint64_t address, std::uint64_t data) {
    return ::ptrace(request, thread, address, data);
}

std::string text_at(pid_t thread, std::uint64_t address) {
    std::array<char, 128> text{};
    iovec here{text.data(), text.size() - 1};
    // Up to a page's end, behind which may be nothing.
    constexpr std::uint64_t page = 4096;
    here.iov_len = std::min<std::size_t>(here.iov_len, page - address % page);
    iovec there{reinterpret_cast<void*>(address), here.iov_len};  // NOLINT(*-int-to-ptr)
    return ::process_vm_readv(thread, &here, 1, &there, 1, 0) < 0 ? "?" : text.data();
}

std::string what_is_called(pid_t thread, const __ptrace_syscall_info& info) {
    const auto number = static_cast<long>(info.entry.nr);
    const SystemCall* const call = system_call(number);
    if (call == nullptr) {
        return fmt::format("system call {}", number);
    }
    if (call->path_argument >= 0) {
        return fmt::format("{} {}", call->name,
                           text_at(thread, info.entry.args[call->path_argument]));
    }
    if (number == SYS_seccomp && info.entry.args[0] == SECCOMP_SET_MODE_FILTER &&
        info.entry.args[2] != 0) {
        return "seccomp with a filter";
    }
    return number == SYS_ioctl ? fmt::format("ioctl {:#x}", info.entry.args[1]) : call->name;
}

/// The kernel has no error for one that is well formed, and glibc aborts at any. A wait has some.
bool is_wake_up(const __ptrace_syscall_info& info) {
    const auto operation = static_cast<int>(info.entry.args[1]) & FUTEX_CMD_MASK;
    return info.entry.nr == SYS_futex && operation != FUTEX_WAIT && operation != FUTEX_WAIT_BITSET;
}

Descriptor captured(const char* name) {
    Descriptor file(static_cast<int>(require(::memfd_create(name, MFD_CLOEXEC), "memfd_create")));
    return file;
}

std::string contents_of(const Descriptor& file) {
    require(::lseek(file.get(), 0, SEEK_SET), "lseek");
    std::string text;
    while (vmm::read_some(file.get(), text) > 0) {
    }
    return text;
}

/// Begins when the other end of `gate` is closed.
[[noreturn]] void be_the_program(const std::vector<std::string>& command,
                                 const std::filesystem::path& folder, const Descriptor& out,
                                 const Descriptor& err, int gate) {
    std::vector<char*> arguments;
    for (const std::string& word : command) {
        arguments.push_back(const_cast<char*>(word.c_str()));
    }
    arguments.push_back(nullptr);
    // Whatever it leaves behind is found there.
    for (const char* const place : {"HOME", "TMPDIR", "XDG_CACHE_HOME"}) {
        ::setenv(place, folder.c_str(), 1);
    }
    char nothing = 0;
    static_cast<void>(::read(gate, &nothing, 1));
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (::chdir(folder.c_str()) == 0 && ::dup2(null, STDIN_FILENO) >= 0 &&
        ::dup2(out.get(), STDOUT_FILENO) >= 0 && ::dup2(err.get(), STDERR_FILENO) >= 0) {
        ::execv(arguments[0], arguments.data());
    }
    ::_exit(127);
}

class Tracer {
  public:
    Tracer(pid_t program, const std::optional<Fault>& fault, TracedRun& run)
        : program_(program), fault_(fault), run_(run) {
        threads_[program] = {.process = program};
    }

    /// Until nothing is left that is traced.
    void trace_all(std::chrono::seconds limit) {
        begin_clock(limit);
        for (;;) {
            int status = 0;
            const pid_t thread = ::waitpid(-1, &status, __WALL);
            if (thread < 0 && errno == ECHILD) {
                break;
            }
            if (is_time_over()) {
                end_all();
            }
            if (thread < 0) {
                continue;
            }
            if (WIFSTOPPED(status)) {
                stopped(thread, status);
            } else {
                ended(thread, status);
            }
        }
        begin_clock(std::chrono::seconds(0));
    }

  private:
    struct Thread {
        pid_t process = 0;
        unsigned process_number = 0;
        unsigned number = 0;
        unsigned threads_made = 0;  ///< of the process, in its first thread
        std::map<long, unsigned> counts = {};
        std::optional<int> owed_error = {};             ///< at the end of the call that it is in
        std::optional<std::uint64_t> break_asked = {};  ///< the same, of brk()

        bool owes() const { return owed_error || break_asked; }
    };

    // The signal interrupts waitpid(), again and again: one that comes before it would be missed.
    void begin_clock(std::chrono::seconds limit) {
        struct sigaction action {};
        action.sa_handler = [](int) {};
        require(::sigaction(SIGALRM, &action, nullptr), "sigaction");
        const itimerval timer{.it_interval = {.tv_sec = limit.count() != 0, .tv_usec = 0},
                              .it_value = {.tv_sec = limit.count(), .tv_usec = 0}};
        require(::setitimer(ITIMER_REAL, &timer, nullptr), "setitimer");
        deadline_ = std::chrono::steady_clock::now() + limit;
    }
    bool is_time_over() const { return std::chrono::steady_clock::now() >= deadline_; }

    void end_all() {
        if (is_over_) {
            run_.left_behind = static_cast<unsigned>(processes().size());
        } else {
            run_.has_hung = true;
        }
        for (const pid_t process : processes()) {
            ::kill(process, SIGKILL);
        }
    }
    std::set<pid_t> processes() const {
        std::set<pid_t> all;
        for (const auto& [id, thread] : threads_) {
            all.insert(thread.process);
        }
        return all;
    }

    void resume(pid_t id, int signal = 0) const {
        // Behind the fault only births and deaths are of interest. A thread that is gone by now
        // will be waited for.
        const bool is_watched = !run_.failed || threads_.at(id).owes();
        trace(is_watched ? PTRACE_SYSCALL : PTRACE_CONT, id, 0, static_cast<std::uint64_t>(signal));
    }

    void stopped(pid_t id, int status) {
        const int signal = WSTOPSIG(status);
        const int event = status >> 16;
        if (!threads_.contains(id)) {
            early_.insert(id);  // its maker has not told of it yet
            return;
        }
        if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK ||
            event == PTRACE_EVENT_VFORK) {
            unsigned long child = 0;
            trace(PTRACE_GETEVENTMSG, id, 0, reinterpret_cast<std::uint64_t>(&child));
            born(id, static_cast<pid_t>(child), event == PTRACE_EVENT_CLONE);
            resume(id);
        } else if (signal == (SIGTRAP | 0x80)) {
            at_system_call(id, threads_.at(id));
            resume(id);
        } else {
            resume(id, event == 0 ? signal : 0);
        }
    }

    void born(pid_t parent, pid_t child, bool is_thread) {
        const Thread& maker = threads_.at(parent);
        Thread made;
        if (is_thread) {
            made = {.process = maker.process,
                    .process_number = maker.process_number,
                    .number = ++threads_.at(maker.process).threads_made};
        } else {
            made = {.process = child, .process_number = ++processes_made_};
        }
        threads_[child] = made;
        if (early_.erase(child) != 0) {
            resume(child);
        }
    }

    void ended(pid_t id, int status) {
        if (id == program_) {
            is_over_ = true;
            run_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
            constexpr std::chrono::seconds to_go_after_it(10);
            begin_clock(to_go_after_it);
        }
        const auto thread = threads_.find(id);
        const bool is_process = thread != threads_.end() && thread->second.process == id;
        if (is_process && WIFSIGNALED(status) && (WTERMSIG(status) != SIGKILL || id == program_)) {
            run_.died_of +=
                fmt::format("{}process {} of SIG{}", run_.died_of.empty() ? "" : ", ",
                            thread->second.process_number, ::sigabbrev_np(WTERMSIG(status)));
        }
        threads_.erase(id);
        early_.erase(id);
    }

    void at_system_call(pid_t id, Thread& thread) {
        __ptrace_syscall_info info{};
        trace(PTRACE_GET_SYSCALL_INFO, id, sizeof info, reinterpret_cast<std::uint64_t>(&info));
        if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
            enter(id, thread, info);
        } else if (thread.owes()) {
            leave(id, thread);
        }
    }

    void enter(pid_t id, Thread& thread, const __ptrace_syscall_info& info) {
        const auto number = static_cast<long>(info.entry.nr);
        // The first thing that main() does (vmm/cli/console.cpp).
        is_in_main_ = is_in_main_ || number == SYS_fcntl;
        if (!is_in_main_ || run_.failed || is_wake_up(info)) {
            return;
        }
        const Place place{.process = thread.process_number,
                          .thread = thread.number,
                          .number = number,
                          .nth = ++thread.counts[number]};
        if (!fault_) {
            run_.calls.push_back({place, what_is_called(id, info)});
        } else if (place == fault_->place) {
            run_.failed = what_is_called(id, info);
            inject(id, thread, *system_call(number), info);
        }
    }

    void inject(pid_t id, Thread& thread, const SystemCall& call,
                const __ptrace_syscall_info& info) const {
        if (call.way == Way::as_brk) {
            thread.break_asked = info.entry.args[0];
            trace(PTRACE_POKEUSER, id, offsetof(user, regs.rdi), 0);  // it asks for what is
            return;
        }
        if (call.way == Way::instead) {
            trace(PTRACE_POKEUSER, id, offsetof(user, regs.orig_rax), ~std::uint64_t{0});
        }
        thread.owed_error = fault_->error;
    }

    static void leave(pid_t id, Thread& thread) {
        if (thread.owed_error) {
            const auto result = static_cast<std::uint64_t>(-static_cast<long>(*thread.owed_error));
            trace(PTRACE_POKEUSER, id, offsetof(user, regs.rax), result);
        } else {
            // The caller knows that the kernel leaves its arguments where they are.
            trace(PTRACE_POKEUSER, id, offsetof(user, regs.rdi), *thread.break_asked);
        }
        thread.owed_error.reset();
        thread.break_asked.reset();
    }

    pid_t program_;
    const std::optional<Fault>& fault_;
    TracedRun& run_;
    std::map<pid_t, Thread> threads_;
    std::set<pid_t> early_;
    unsigned processes_made_ = 0;
    bool is_in_main_ = false;
    bool is_over_ = false;
    std::chrono::steady_clock::time_point deadline_;
};

}  // namespace

TracedRun run_traced(const std::vector<std::string>& command, const std::filesystem::path& folder,
                     std::chrono::seconds limit, const std::optional<Fault>& fault) {
    const Descriptor out = captured("stdout");
    const Descriptor err = captured("stderr");
    std::array<int, 2> gate{};
    require(::pipe2(gate.data(), O_CLOEXEC), "pipe2");
    Descriptor closed_end(gate[0]);
    Descriptor open_end(gate[1]);
    const auto program = static_cast<pid_t>(require(::fork(), "fork"));
    if (program == 0) {
        open_end = Descriptor(-1);
        be_the_program(command, folder, out, err, gate[0]);
    }
    constexpr unsigned options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                                 PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    if (trace(PTRACE_SEIZE, program, 0, options) != 0) {
        const int error = errno;
        ::kill(program, SIGKILL);
        ::waitpid(program, nullptr, 0);
        errno = error;
        fail("ptrace");
    }
    open_end = Descriptor(-1);
    TracedRun run;
    Tracer(program, fault, run).trace_all(limit);
    run.out = contents_of(out);
    run.err = contents_of(err);
    return run;
}

}  // namespace nestbed::faulty_host
