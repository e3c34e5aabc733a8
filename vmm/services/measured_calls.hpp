// Calls that are there to be measured (channel::port): they do nothing, or KVM answers them.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "vmm/base/descriptor.hpp"
#include "vmm/kvm/coalesced_ring.hpp"
#include "vmm/kvm/system.hpp"
#include "vmm/kvm/vm.hpp"
#include "vmm/machine/exit_table.hpp"

namespace nestbed::vmm {

/// Registers the port and the address that do nothing, the bare loop that answers them, and the
/// count of exits.
void register_null_calls(ExitTable& exits);

/// Writes of which the n-th has the value n, from 0 on.
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

/// Writes of vCPU 0's that KVM takes without waking its VMM: coalesced ones, which it keeps in a
/// ring, and ioeventfds, which it counts. The host says how many have arrived, so that the guest
/// can tell whether one was lost.
class ExitlessCalls {
  public:
    /// Sets up what this KVM has of them (KVM_CAP_COALESCED_PIO, KVM_CAP_COALESCED_MMIO,
    /// KVM_CAP_IOEVENTFD). `first` is vCPU 0; it and `vm` must outlive it.
    ExitlessCalls(const kvm::System& system, kvm::Vm& vm, const kvm::Vcpu& first);
    ~ExitlessCalls();
    ExitlessCalls(const ExitlessCalls&) = delete;
    ExitlessCalls& operator=(const ExitlessCalls&) = delete;

    /// From now on what arrives is seen; a thread sees to that.
    void start();

    /// What there is, as parameters for the guest: a name, and 1 or 0.
    std::vector<std::pair<std::string, std::uint64_t>> offered() const;

    /// Registers what comes as an exit all the same: coalesced writes for which the ring had no
    /// room, and reads of how many have arrived.
    void register_in(ExitTable& exits);

  private:
    Answer answer_coalesced(const Access& access, NumberedWrites& writes);

    std::optional<kvm::CoalescedRing> ring_;  // vCPU 0's thread alone looks at it
    bool coalesces_ports_ = false;
    NumberedWrites to_port_;
    NumberedWrites to_memory_;
    std::optional<Descriptor> event_;  // an eventfd, as the next
    std::uint64_t events_ = 0;
    std::optional<Descriptor> waited_for_;
    std::atomic<std::uint64_t> seen_{0};  ///< by `waiter_`
    std::jthread waiter_;
};

}  // namespace nestbed::vmm
