#include "vmm/machine/vcpu_thread.hpp"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <exception>
#include <system_error>

#include "shared/channel/mmio.hpp"
#include "shared/channel/ports.hpp"
#include "vmm/base/error.hpp"
#include "vmm/machine/host_cpus.hpp"

namespace nestbed::vmm {

namespace {

int kick_signal() { return SIGRTMIN; }

/// A signal mask survives fork and exec: with the kick blocked by our parent, nothing would ever
/// bring a vCPU out of the guest.
void unblock_kick() {
    sigset_t kick;
    ::sigemptyset(&kick);
    ::sigaddset(&kick, kick_signal());
    ::pthread_sigmask(SIG_UNBLOCK, &kick, nullptr);
}

/// Of what a call carries, and of what is read.
constexpr std::uint32_t call_bytes = 4;

std::uint32_t value_at(const void* data) {
    std::uint32_t value = 0;
    std::memcpy(&value, data, sizeof value);
    return value;
}

bool is_for_bare_loop(const kvm_run& run) {
    namespace port = channel::port;
    return run.exit_reason == KVM_EXIT_IO
               ? run.io.port == port::nothing || run.io.port == port::doorbell
               : run.exit_reason == KVM_EXIT_MMIO && run.mmio.phys_addr == channel::mmio::nothing;
}

std::string describe_internal_error(const kvm_run& run) {
    const auto& error = run.internal;
    std::string text;
    switch (error.suberror) {
        case KVM_INTERNAL_ERROR_EMULATION:
            text = "KVM cannot emulate this instruction";
            break;
        case KVM_INTERNAL_ERROR_SIMUL_EX:
            text = "two exceptions at once while delivering one";
            break;
        case KVM_INTERNAL_ERROR_DELIVERY_EV:
            text = "an exit while an event was delivered";
            break;
        default:
            text = "unknown cause";
            break;
    }
    text += fmt::format(" (KVM_EXIT_INTERNAL_ERROR, suberror {}", error.suberror);
    for (std::uint32_t i = 0; i < error.ndata && i < 16; ++i) {
        text += fmt::format("{} {:#x}", i == 0 ? ", data" : "", error.data[i]);
    }
    return text + ")";
}

}  // namespace

VcpuThread::VcpuThread(std::uint32_t cpu, kvm::Vcpu vcpu) : cpu_(cpu), vcpu_(std::move(vcpu)) {}

VcpuThread::~VcpuThread() {
    stop();
    join();
}

void VcpuThread::install_kick_handler() {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    // Without SA_RESTART: the point is that KVM_RUN returns EINTR.
    ::sigaction(kick_signal(), &action, nullptr);
}

void VcpuThread::start(const Calls& calls, std::optional<std::uint32_t> host_cpu) {
    try {
        thread_ = std::thread([this, calls, host_cpu] { run(calls, host_cpu); });
    } catch (const std::system_error& error) {
        throw_error(ErrorKind::kernel_refused,
                    "cannot start the thread of vCPU {}: {} (ask for fewer with --cpus or --jobs)",
                    cpu_, error.code().message());
    }
}

void VcpuThread::run(const Calls& calls, std::optional<std::uint32_t> host_cpu) {
    try {
        unblock_kick();
        thread_id_.store(::gettid(), std::memory_order_relaxed);
        if (host_cpu) {
            pin_this_thread_to(*host_cpu);
        }
        loop(calls);
    } catch (const std::exception& error) {
        calls.ended(ended_by(Ending::host_error, error.what()));
    }
}

void VcpuThread::stop() {
    // Relaxed suffices for the flag and for immediate_exit: pthread_kill is a system call on this
    // side and signal delivery or a system call on the other, which order them.
    stop_.store(true, std::memory_order_relaxed);
    std::atomic_ref(vcpu_.run_page().immediate_exit).store(1, std::memory_order_relaxed);
    if (thread_.joinable()) {
        ::pthread_kill(thread_.native_handle(), kick_signal());
    }
}

void VcpuThread::bring_out() const {
    constexpr std::chrono::milliseconds before_next_kick(1);
    // Acquire, as below: what KVM wrote on the vCPU's way out is seen.
    const std::uint64_t inside = passages_.load(std::memory_order_acquire);
    if (inside % 2 == 0) {
        return;
    }
    while (true) {
        // By the kernel's number: it stays what it is while another thread joins this one. The
        // thread can be over by now, and a kick for whoever has its number does no harm.
        ::tgkill(::getpid(), thread_id_.load(std::memory_order_relaxed), kick_signal());
        const auto next_kick = std::chrono::steady_clock::now() + before_next_kick;
        while (std::chrono::steady_clock::now() < next_kick) {
            if (passages_.load(std::memory_order_acquire) != inside) {
                return;
            }
            std::this_thread::yield();
        }
    }
}

void VcpuThread::join() {
    if (thread_.joinable()) {
        thread_.join();
    }
}

void VcpuThread::loop(const Calls& calls) {
    while (!stop_.load(std::memory_order_relaxed)) {
        switch (const int error = enter_guest()) {
            case 0:
                ++exits_;
                if (auto outcome = handle_exit(calls)) {
                    complete_port_io();
                    calls.ended(std::move(*outcome));
                    return;
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
                calls.ended(ended_by(Ending::host_error,
                                     fmt::format("KVM_RUN failed: {}", std::strerror(error))));
                return;
        }
    }
    complete_port_io();  // it was told to stop while it handled an exit
}

int VcpuThread::run_bare() {
    int error = 0;
    do {
        error = vcpu_.run();
    } while (error == 0 && is_for_bare_loop(vcpu_.run_page()));
    return error;
}

int VcpuThread::enter_guest() {
    const std::uint64_t passages = passages_.load(std::memory_order_relaxed);
    // Relaxed: x86 keeps stores in order, so whoever knows of something that this vCPU writes in
    // there finds it inside.
    passages_.store(passages + 1, std::memory_order_relaxed);
    // The bare loop counts as inside from its begin to its end, to which a kick brings it, too.
    const int error = bare_ ? run_bare() : vcpu_.run();
    // Release: whoever finds it outside sees what KVM wrote on the way out.
    passages_.store(passages + 2, std::memory_order_release);
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

std::optional<Outcome> VcpuThread::handle_exit(const Calls& calls) {
    const kvm_run& run = vcpu_.run_page();
    switch (run.exit_reason) {
        case KVM_EXIT_IO:
            return handle_port_io(calls);
        case KVM_EXIT_INTR:
            return std::nullopt;
        case KVM_EXIT_DIRTY_RING_FULL:
            calls.make_room(cpu_);
            return std::nullopt;
        case KVM_EXIT_SHUTDOWN:
            return ended_by(Ending::triple_fault, "triple fault (KVM_EXIT_SHUTDOWN)");
        case KVM_EXIT_INTERNAL_ERROR:
            return ended_by(Ending::internal_error, describe_internal_error(run));
        case KVM_EXIT_FAIL_ENTRY:
            return ended_by(
                Ending::entry_failed,
                fmt::format(
                    "the processor refused the guest's state (KVM_EXIT_FAIL_ENTRY, hardware "
                    "reason {:#x})",
                    run.fail_entry.hardware_entry_failure_reason));
        case KVM_EXIT_MMIO:
            return handle_mmio(calls);
        default:
            return ended_by(
                Ending::unexpected_exit,
                fmt::format("an exit for reason {} of <linux/kvm.h>, which this VMM does "
                            "not handle",
                            run.exit_reason));
    }
}

std::optional<Outcome> VcpuThread::handle_port_io(const Calls& calls) {
    kvm_run& run = vcpu_.run_page();
    if (run.io.size != call_bytes || run.io.count != 1) {
        return unknown_port();
    }
    std::byte* data = reinterpret_cast<std::byte*>(&run) + run.io.data_offset;
    if (run.io.direction == KVM_EXIT_IO_OUT) {
        return handle_port_write(calls, value_at(data));
    }
    const auto value = port_value(calls);
    if (!value) {
        return unknown_port();
    }
    std::memcpy(data, &*value, sizeof *value);
    return std::nullopt;
}

std::optional<Outcome> VcpuThread::handle_port_write(const Calls& calls, std::uint32_t value) {
    namespace port = channel::port;
    const std::uint16_t to = vcpu_.run_page().io.port;
    switch (to) {
        case port::nothing:
            return std::nullopt;
        case port::doorbell:
            calls.doorbell(cpu_);
            return std::nullopt;
        case port::statistics:
            return handle_mark(calls, value);
        case port::host_operation:
            return handle_operation(calls);
        case port::bare_loop:
            bare_ = value != 0;
            return std::nullopt;
        case port::finish:
            return ended_by(Ending::finished, "");
        case port::panic:
            return ended_by(Ending::panicked, "");
        default:
            break;
    }
    ExitlessCalls* const taker = exitless(calls);
    if (taker == nullptr || !taker->take_port_write(to, value)) {
        return unknown_port();
    }
    return std::nullopt;
}

std::optional<std::uint32_t> VcpuThread::port_value(const Calls& calls) const {
    const std::uint16_t from = vcpu_.run_page().io.port;
    if (from == channel::port::exits) {
        return exits_;
    }
    ExitlessCalls* const taker = exitless(calls);
    return taker == nullptr ? std::nullopt : taker->arrived_at_port(from);
}

Outcome VcpuThread::unknown_port() const {
    const auto& io = vcpu_.run_page().io;
    return ended_by(
        Ending::unexpected_exit,
        fmt::format("a {}-byte {} port {:#x}, which is not one of nestbed's", +io.size,
                    io.direction == KVM_EXIT_IO_OUT ? "write to" : "read from", +io.port));
}

std::optional<Outcome> VcpuThread::handle_mmio(const Calls& calls) {
    auto& mmio = vcpu_.run_page().mmio;
    const bool writes = mmio.is_write != 0;
    if (writes && mmio.phys_addr == channel::mmio::nothing) {
        return std::nullopt;
    }
    if (calls.test_memory != nullptr && calls.test_memory->take_access(mmio.phys_addr, writes)) {
        std::memset(mmio.data, 0xFF, sizeof mmio.data);
        return std::nullopt;
    }
    ExitlessCalls* const taker = exitless(calls);
    if (taker != nullptr && mmio.len == call_bytes) {
        if (writes && taker->take_memory_write(mmio.phys_addr, value_at(mmio.data))) {
            return std::nullopt;
        }
        if (const auto value = writes ? std::nullopt : taker->arrived_at_memory(mmio.phys_addr)) {
            std::memcpy(mmio.data, &*value, sizeof *value);
            return std::nullopt;
        }
    }
    return ended_by(
        Ending::unexpected_exit,
        fmt::format("a {} of {} bytes at guest physical {:#x}, where there is no memory",
                    writes ? "write" : "read", +mmio.len, +mmio.phys_addr));
}

std::optional<Outcome> VcpuThread::handle_operation(const Calls& calls) {
    if (const auto problem = calls.operate()) {
        return ended_by(Ending::unexpected_exit,
                        fmt::format("a request by port {:#x} that makes no sense: {}",
                                    channel::port::host_operation, *problem));
    }
    return std::nullopt;
}

std::optional<Outcome> VcpuThread::handle_mark(const Calls& calls, std::uint32_t value) {
    if (const auto problem = calls.mark(value)) {
        return ended_by(Ending::unexpected_exit,
                        fmt::format("a write of {} to the statistics port {:#x}: {}", value,
                                    channel::port::statistics, *problem));
    }
    return std::nullopt;
}

}  // namespace nestbed::vmm
