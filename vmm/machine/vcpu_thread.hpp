// One vCPU on one host thread, and how it is stopped.
//
// The stop protocol. The thread loops: look at `stop`, KVM_RUN, handle the exit. A stopper does, in
// this order: (1) stop = true, (2) kvm_run.immediate_exit = 1, (3) send the thread the kick signal.
// Wherever the thread is when (3) happens, it leaves:
//   - before its look at `stop`: it sees true;
//   - between the look and KVM_RUN: the handler runs there and is over, but KVM_RUN finds
//     immediate_exit set and returns EINTR before it enters the guest;
//   - inside KVM_RUN, past that check: the signal is pending, and KVM looks for pending signals
//     with interrupts off just before each entry; in the guest or in HLT the signal's interrupt
//     brings it out; in each case EINTR;
//   - handling an exit: the next look at `stop` sees true;
//   - in a loop around KVM_RUN that does not look (enter_by): KVM_RUN returns EINTR as above, and
//     any error ends such a loop.
// immediate_exit is never cleared again, so no later KVM_RUN can enter the guest either.
//
// A vCPU that is only to come out once, and go on, gets the kick alone. Nothing is pending when it
// comes between the look at `stop` and KVM_RUN, so whoever waits kicks again until it was out.
//
// The kick is a signal that cannot be refused: a real-time one needs room in the user's queue of
// signals (RLIMIT_SIGPENDING), a standard one has a bit of its own (signal(7)). Whoever waits for a
// thread kicks it again all the same, so that none that got lost is waited for without end.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <thread>

#include "vmm/kvm/vcpu.hpp"
#include "vmm/machine/exit_table.hpp"

namespace nestbed::vmm {

class VcpuThread {
  public:
    /// Enters the guest, once or more. Returns 0 with an exit to answer, or KVM_RUN's first error.
    using Entry = int (*)(kvm::Vcpu&);

    VcpuThread(std::uint32_t cpu, kvm::Vcpu vcpu) : cpu_(cpu), vcpu_(std::move(vcpu)) {}
    ~VcpuThread() {
        stop();
        join();
    }
    VcpuThread(const VcpuThread&) = delete;
    VcpuThread& operator=(const VcpuThread&) = delete;

    std::uint32_t cpu() const { return cpu_; }
    kvm::Vcpu& vcpu() { return vcpu_; }
    const kvm::Vcpu& vcpu() const { return vcpu_; }

    /// Starts the thread, on host CPU `host_cpu` if one is given. `exits` must outlive it; `ended`
    /// is called when the run is over, once at most.
    void start(const ExitTable& exits, std::function<void(Outcome)> ended,
               std::optional<std::uint32_t> host_cpu);

    /// Makes the thread leave the guest for good. Any thread may call it, any number of times.
    void stop() noexcept;

    /// Returns when the vCPU has been outside of the guest since the call: what the processor and
    /// KVM keep while it is in there, they have handed over. Any thread may call it.
    void bring_out() const;

    /// Waits until the thread has left, after stop().
    void join();

    // For whoever answers an exit of this vCPU's, on its thread.

    /// It is to leave: an answer that takes time is to be given up.
    bool is_stopped() const { return stop_.load(std::memory_order_relaxed); }
    /// How many there were to here, this one among them, modulo 2^32.
    std::uint32_t exits() const { return exits_; }
    /// From now on `entry` enters the guest; null: KVM_RUN alone.
    void enter_by(Entry entry) { entry_ = entry; }

    /// Installs the kick signal's (empty) handler; once per process, before any start(). Throws
    /// Error if that cannot be: without it, nothing would stop a vCPU.
    static void install_kick_handler();

  private:
    /// Brings the registers behind an instruction whose port I/O ended the run.
    void complete_port_io();
    void run(const ExitTable& exits, const std::function<void(Outcome)>& ended,
             std::optional<std::uint32_t> host_cpu);
    /// Returns how the run ended, if it was here that it did.
    Answer loop(const ExitTable& exits);
    int enter_guest();
    void kick() const noexcept;

    std::uint32_t cpu_;
    kvm::Vcpu vcpu_;
    std::atomic<bool> stop_{false};
    Entry entry_ = nullptr;
    std::uint32_t exits_ = 0;
    std::atomic<std::uint64_t> run_sequence_{0};  ///< counts ways into KVM_RUN and out: odd inside
    std::atomic<pid_t> thread_id_{0};
    std::atomic<bool> has_left_{false};
    std::jthread thread_;
};

}  // namespace nestbed::vmm
