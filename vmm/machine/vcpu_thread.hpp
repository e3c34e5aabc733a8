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
//   - in the bare loop, which does not look: KVM_RUN returns EINTR as above, which ends that loop.
// immediate_exit is never cleared again, so no later KVM_RUN can enter the guest either.
//
// A vCPU that is only to come out once, and go on, gets the kick alone. Nothing is pending when it
// comes between the look at `stop` and KVM_RUN, so whoever waits kicks again until it was out.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "vmm/kvm/vcpu.hpp"
#include "vmm/machine/outcome.hpp"
#include "vmm/services/exitless_calls.hpp"
#include "vmm/services/test_memory.hpp"

namespace nestbed::vmm {

class VcpuThread {
  public:
    /// The guest asked for its records to be taken.
    using Doorbell = std::function<void(std::uint32_t cpu)>;

    /// Whom the thread calls, for its guest.
    struct Calls {
        Doorbell doorbell;
        /// The guest asks for its channel::HostOperation. Returns what is wrong with it, if
        /// anything.
        std::function<std::optional<std::string>()> operate;
        /// The guest wrote this to `port::statistics`. Returns what is wrong with it, if anything.
        std::function<std::optional<std::string_view>(std::uint32_t value)> mark;
        /// Takes what KVM has answered; null where it answers nothing.
        ExitlessCalls* exitless = nullptr;
        /// Answers accesses to where test memory is at times; null where there is none.
        TestMemory* test_memory = nullptr;
        /// The vCPU's dirty ring is full: makes room in it.
        std::function<void(std::uint32_t cpu)> make_room;
        /// The run is over, for this reason; once at most.
        std::function<void(Outcome)> ended;
    };

    VcpuThread(std::uint32_t cpu, kvm::Vcpu vcpu);
    ~VcpuThread();
    VcpuThread(const VcpuThread&) = delete;
    VcpuThread& operator=(const VcpuThread&) = delete;

    std::uint32_t cpu() const { return cpu_; }
    kvm::Vcpu& vcpu() { return vcpu_; }
    const kvm::Vcpu& vcpu() const { return vcpu_; }

    /// Starts the thread, on host CPU `host_cpu` if one is given.
    void start(const Calls& calls, std::optional<std::uint32_t> host_cpu);

    /// Makes the thread leave the guest for good. Any thread may call it, any number of times.
    void stop();

    /// Returns when the vCPU has been outside of the guest since the call: what the processor and
    /// KVM keep while it is in there, they have handed over. Any thread may call it.
    void bring_out() const;

    /// Waits until the thread has left.
    void join();

    /// Installs the kick signal's (empty) handler; once per process, before any start().
    static void install_kick_handler();

  private:
    /// Brings the registers behind an instruction whose port I/O ended the run.
    void complete_port_io();
    void run(const Calls& calls, std::optional<std::uint32_t> host_cpu);
    void loop(const Calls& calls);
    int run_bare();
    int enter_guest();
    std::optional<Outcome> handle_exit(const Calls& calls);
    std::optional<Outcome> handle_port_io(const Calls& calls);
    std::optional<Outcome> handle_port_write(const Calls& calls, std::uint32_t value);
    std::optional<Outcome> handle_mmio(const Calls& calls);
    /// What a 32-bit IN reads, which is the exit at hand.
    std::optional<std::uint32_t> port_value(const Calls& calls) const;
    /// Those that are this vCPU's to make; null: none.
    ExitlessCalls* exitless(const Calls& calls) const {
        return cpu_ == 0 ? calls.exitless : nullptr;
    }
    Outcome unknown_port() const;
    std::optional<Outcome> handle_operation(const Calls& calls);
    std::optional<Outcome> handle_mark(const Calls& calls, std::uint32_t value);
    Outcome ended_by(Ending ending, std::string detail) const {
        return {ending, cpu_, std::move(detail)};
    }

    std::uint32_t cpu_;
    kvm::Vcpu vcpu_;
    std::atomic<bool> stop_{false};
    bool bare_ = false;                       ///< port::bare_loop
    std::uint32_t exits_ = 0;                 ///< to here; modulo 2^32
    std::atomic<std::uint64_t> passages_{0};  ///< into KVM_RUN and out of it: odd inside
    std::atomic<pid_t> thread_id_{0};
    std::thread thread_;
};

}  // namespace nestbed::vmm
