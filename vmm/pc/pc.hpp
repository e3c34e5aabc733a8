// A VM for one guest that is not ours: the PC that such guests expect, with their devices, started
// as a multiboot loader does it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>

#include "vmm/kvm/system.hpp"
#include "vmm/loader/multiboot_image.hpp"
#include "vmm/loader/pc_settings.hpp"
#include "vmm/machine/exit_table.hpp"
#include "vmm/machine/vcpus.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/pc/clock.hpp"
#include "vmm/pc/debug_exit.hpp"
#include "vmm/pc/firmware_configuration.hpp"
#include "vmm/pc/hyperv.hpp"
#include "vmm/pc/hyperv_test_device.hpp"
#include "vmm/pc/power_management.hpp"
#include "vmm/pc/serial_port.hpp"
#include "vmm/pc/test_device.hpp"

namespace nestbed::vmm {

class Pc {
  public:
    /// Creates it with everything in place. `image` must outlive it.
    Pc(const kvm::System& system, const MultibootImage& image, const PcSettings& settings,
       const BackingSettings& backing, SerialPort::Sink serial);

    /// Runs until the guest ends it, its time is up or `stop` is requested; then no vCPU runs any
    /// more. Once only.
    Outcome run(Placement placement, std::chrono::milliseconds timeout,
                const std::stop_token& stop);

    const GuestMemory& memory() const { return memory_; }
    const Vcpus& vcpus() const { return vcpus_; }
    std::uint64_t tsc_khz() const { return vcpus_[0].tsc_khz(); }
    /// What the guest ended its run with, if it was it that did.
    std::optional<std::uint32_t> exit_value() const { return debug_exit_.value(); }

  private:
    void register_all();

    // Each is made of those before it; memory outlives the VM that maps it.
    GuestMemory memory_;
    kvm::Vm vm_;
    Vcpus vcpus_;
    SerialPort serial_;
    DebugExit debug_exit_;
    FirmwareConfiguration firmware_configuration_;
    Clock clock_;
    PowerManagement power_management_;
    std::unique_ptr<TestDevice> test_device_;  ///< has 64 KiB
    std::unique_ptr<Hyperv> hyperv_;           ///< nothing if there are no SynICs
    std::unique_ptr<HypervTestDevice> hyperv_test_device_;
    ExitTable exits_{StringAccess::one_by_one};
};

}  // namespace nestbed::vmm
