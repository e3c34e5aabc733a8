// The I/O ports through which a guest calls its VMM. Each is written with a 32-bit OUT. Port I/O is
// the call of choice since it leaves to user space on every KVM; VMCALL is handled inside KVM and
// does not come back at all where there is no VMX or SVM below.
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

}  // namespace nestbed::channel::port
