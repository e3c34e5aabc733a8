// Writes of the guest that KVM takes without waking its VMM (channel::port, "Answered by KVM"):
// coalesced ones, which it keeps in a ring, and ioeventfds, which it counts. The host says how many
// have arrived, so that the guest can tell whether one was lost.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "vmm/base/descriptor.hpp"
#include "vmm/kvm/coalesced_ring.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vm.hpp"

namespace nestbed::vmm {

/// An eventfd that KVM adds 1 to for each write to a port.
class PortEvent {
  public:
    PortEvent(kvm::Vm& vm, std::uint16_t port);

    /// Waits until there were writes, and takes them; how many.
    std::uint64_t wait();
    /// Takes those that there were, without waiting.
    std::uint64_t take();
    /// Ends a wait().
    void wake();

  private:
    std::uint64_t read();

    Descriptor fd_;
};

/// Numbered writes, of which the n-th has the value n, from 0 on.
class NumberedWrites {
  public:
    void add(std::uint32_t value) {
        in_order_ = in_order_ && value == arrived_;
        arrived_ += in_order_ ? 1 : 0;
    }

    /// How many came one after the other: from the first lost, doubled or late one on, it stays.
    std::uint32_t arrived() const { return arrived_; }

  private:
    std::uint32_t arrived_ = 0;
    bool in_order_ = true;
};

class ExitlessCalls {
  public:
    /// Sets up what this KVM has of them (KVM_CAP_COALESCED_PIO, KVM_CAP_COALESCED_MMIO,
    /// KVM_CAP_IOEVENTFD). `first` is vCPU 0, the only one whose exits look at the ring; it and
    /// `vm` must outlive it.
    ExitlessCalls(const kvm::System& system, kvm::Vm& vm, const kvm::Vcpu& first);
    ~ExitlessCalls();
    ExitlessCalls(const ExitlessCalls&) = delete;
    ExitlessCalls& operator=(const ExitlessCalls&) = delete;

    /// What there is, as parameters for the guest: a name, and 1 or 0.
    std::vector<std::pair<std::string, std::uint64_t>> offered() const;

    // By vCPU 0's thread, with the guest waiting. They allocate nothing and take no lock.

    /// A coalesced write that came as an exit, because the ring was full. False if it is none.
    bool take_port_write(std::uint16_t port, std::uint32_t value);
    bool take_memory_write(std::uint64_t address, std::uint32_t value);
    /// How many writes have arrived there; nothing if it is not one of these places. Of the port
    /// whose eventfd somebody waits for, those that he has seen.
    std::optional<std::uint32_t> arrived_at_port(std::uint16_t port);
    std::optional<std::uint32_t> arrived_at_memory(std::uint64_t address);

  private:
    void empty_ring();
    void wait_for_events(const std::stop_token& stop);

    std::optional<kvm::CoalescedRing> ring_;
    bool coalesces_ports_ = false;
    NumberedWrites to_port_;
    NumberedWrites to_memory_;
    std::optional<PortEvent> event_;
    std::uint64_t events_ = 0;
    std::optional<PortEvent> waited_for_;
    std::atomic<std::uint64_t> seen_{0};  ///< by `waiter_`
    std::jthread waiter_;
};

}  // namespace nestbed::vmm
