#include "vmm/machine/vcpu_thread.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>

#include "vmm/base/error.hpp"
#include "vmm/base/thread.hpp"
#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {

namespace {

constexpr int kick_signal = SIGUSR2;

/// Between two kicks of whoever waits for a thread.
constexpr std::chrono::milliseconds before_next_kick(1);

/// A signal mask survives fork and exec: with the kick blocked by our parent, nothing would ever
/// bring a vCPU out of the guest.
void unblock_kick() {
    sigset_t kick;
    ::sigemptyset(&kick);
    ::sigaddset(&kick, kick_signal);
    if (const int error = ::pthread_sigmask(SIG_UNBLOCK, &kick, nullptr)) {
        throw_error(ErrorKind::kernel_refused, "cannot unblock the signal that stops vCPUs: {}",
                    std::strerror(error));
    }
}

/// Kicks until `is_done`, which a kick may come too early for, or get lost before.
template <typename Kick, typename Condition>
void kick_until(const Kick& kick, const Condition& is_done) {
    while (!is_done()) {
        kick();
        const auto next_kick = std::chrono::steady_clock::now() + before_next_kick;
        while (!is_done() && std::chrono::steady_clock::now() < next_kick) {
            std::this_thread::yield();
        }
    }
}

}  // namespace

void VcpuThread::install_kick_handler() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    // Without SA_RESTART: the point is that KVM_RUN returns EINTR.
    if (::sigaction(kick_signal, &action, nullptr) != 0) {
        throw_error(ErrorKind::kernel_refused, "cannot handle the signal that stops vCPUs: {}",
                    std::strerror(errno));
    }
}

void VcpuThread::start(const ExitTable& exits, std::function<void(Outcome)> ended,
                       std::optional<std::uint32_t> host_cpu) {
    thread_ = start_thread(
        fmt::format("of vCPU {} (ask for fewer with --cpus or --jobs)", cpu_),
        [this, &exits, ended = std::move(ended), host_cpu] { run(exits, ended, host_cpu); });
}

void VcpuThread::run(const ExitTable& exits, const std::function<void(Outcome)>& ended,
                     std::optional<std::uint32_t> host_cpu) {
    Answer answer;
    try {
        unblock_kick();
        thread_id_.store(::gettid(), std::memory_order_relaxed);
        const int error = host_cpu ? spread_this_thread_over({&*host_cpu, 1}) : 0;
        if (error != 0) {
            throw_error(ErrorKind::kernel_refused, "cannot pin a thread to host CPU {}: {}",
                        *host_cpu, std::strerror(error));
        }
        answer = loop(exits);
        complete_port_io();
    } catch (const std::exception& error) {
        answer = Outcome{Ending::host_error, cpu_, error.what()};
    }
    if (answer) {
        ended(std::move(*answer));
    }
    has_left_.store(true, std::memory_order_relaxed);  // join() orders the rest
}

void VcpuThread::stop() noexcept {
    // Relaxed suffices for the flag and for immediate_exit: the kick is a system call on this side
    // and signal delivery or a system call on the other, which order them.
    stop_.store(true, std::memory_order_relaxed);
    std::atomic_ref(vcpu_.run_page().immediate_exit).store(1, std::memory_order_relaxed);
    kick();
}

void VcpuThread::kick() const noexcept {
    // By the kernel's number: it stays what it is while another thread joins this one. The thread
    // can be over by now, and a kick for whoever has its number does no harm. 0: it has not begun,
    // and will look at `stop` first.
    if (const pid_t thread = thread_id_.load(std::memory_order_relaxed)) {
        ::tgkill(::getpid(), thread, kick_signal);
    }
}

void VcpuThread::join() {
    if (!thread_.joinable()) {
        return;
    }
    kick_until([this] { kick(); }, [this] { return has_left_.load(std::memory_order_relaxed); });
    thread_.join();
}

void VcpuThread::bring_out() const {
    // Acquire, as below: what KVM wrote on the vCPU's way out is seen.
    const std::uint64_t inside = run_sequence_.load(std::memory_order_acquire);
    if (inside % 2 == 0) {
        return;
    }
    kick_until([this] { kick(); },
               [&] { return run_sequence_.load(std::memory_order_acquire) != inside; });
}

Answer VcpuThread::loop(const ExitTable& exits) {
    while (!stop_.load(std::memory_order_relaxed)) {
        switch (const int error = enter_guest()) {
            case 0:
                ++exits_;
                if (auto answer = exits.answer(*this)) {
                    return answer;
                }
                break;
            case EINTR:
                break;  // the kick, or a signal that was not ours
            case EAGAIN:
                // A vCPU that waits for INIT or SIPI. KVM has just waited for one in vain; not
                // asking again at once keeps this from becoming a busy loop.
                std::this_thread::sleep_for(std::chrono::milliseconds(1));
                break;
            default:
                return Outcome{Ending::host_error, cpu_,
                               fmt::format("KVM_RUN failed: {}", std::strerror(error))};
        }
    }
    return std::nullopt;
}

int VcpuThread::enter_guest() {
    const std::uint64_t outside = run_sequence_.load(std::memory_order_relaxed);
    // Relaxed: x86 keeps stores in order, so whoever knows of something that this vCPU writes in
    // there finds it inside.
    run_sequence_.store(outside + 1, std::memory_order_relaxed);
    // A loop counts as inside from its begin to its end, to which a kick brings it, too.
    const int error = entry_ != nullptr ? entry_(vcpu_) : vcpu_.run();
    // Release: whoever finds it outside sees what KVM wrote on the way out.
    run_sequence_.store(outside + 2, std::memory_order_release);
    return error;
}

void VcpuThread::complete_port_io() {
    // After an I/O exit the registers are those of the instruction's middle until KVM_RUN is called
    // again (KVM API documentation, KVM_RUN): whether RIP is on it or behind it differs by host.
    if (vcpu_.run_page().exit_reason == KVM_EXIT_IO) {
        std::atomic_ref(vcpu_.run_page().immediate_exit).store(1, std::memory_order_relaxed);
        vcpu_.run();
    }
}

}  // namespace nestbed::vmm
