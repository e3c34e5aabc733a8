// The I/O ports through which a guest calls its VMM. Each is written with a 32-bit OUT, but where
// it says otherwise. Port I/O is the call of choice since it leaves to user space on every KVM;
// VMCALL is handled inside KVM and does not come back at all where there is no VMX or SVM below.
#pragma once

#include <cstdint>

namespace nestbed::channel::port {

/// Drain the record ring of the calling vCPU. The value is ignored.
inline constexpr std::uint16_t doorbell = 0x5E0;
/// The test is over: all rings are drained and the VM is stopped. The value is ignored.
inline constexpr std::uint16_t finish = 0x5E4;
/// The guest cannot go on. The calling vCPU's `PanicReport` says why. The value is ignored.
inline constexpr std::uint16_t panic = 0x5E8;
/// Does nothing: the unit of cost of an exit to user space and back.
inline constexpr std::uint16_t nothing = 0x5EC;
/// Begins or ends a region over which the host counts what KVM did (`RegionMark`).
inline constexpr std::uint16_t statistics = 0x5F0;
/// The host carries out the guest's `HostOperation`. The value is ignored.
inline constexpr std::uint16_t host_operation = 0x5F4;
/// From a write of 1 to a write of 0 the calling vCPU's exits are answered by a bare loop, with
/// nothing around KVM_RUN: those of `nothing`, `doorbell`, which is not heard, and `mmio::nothing`.
/// Any other exit is answered as ever.
inline constexpr std::uint16_t bare_loop = 0x5F8;
/// Read (a 32-bit IN): how many exits the calling vCPU has made to the VMM so far, this one among
/// them and those that the bare loop has answered not. Modulo 2^32.
inline constexpr std::uint16_t exits = 0x5FC;

// Answered by KVM, in VMs that are made to measure that (vmm/services/measured_calls.hpp), for vCPU
// 0. Each may be read (a 32-bit IN): how many writes have arrived at the VMM, modulo 2^32. That is
// an exit.

/// KVM keeps the writes in a ring. The n-th has the value n, from 0 on, so that the VMM sees
/// whether one is missing; it counts no further than that.
inline constexpr std::uint16_t coalesced = 0x600;
/// KVM adds 1 to an eventfd. The value is ignored.
inline constexpr std::uint16_t event = 0x604;
/// The same, and a thread of the host waits for it, which each write wakes.
inline constexpr std::uint16_t waited_event = 0x608;

}  // namespace nestbed::channel::port

namespace nestbed::channel {

/// The value written to `port::statistics`, by one vCPU at a time. KVM's counters of all vCPUs are
/// read at both ends, and the differences of all regions of a kind are added up. What a region
/// counts by itself, the exit of its end among it, is counted by empty ones.
enum class RegionMark : std::uint32_t {
    begin_empty = 0,
    end_empty = 1,
    begin_operation = 2,
    end_operation = 3,
};

}  // namespace nestbed::channel
