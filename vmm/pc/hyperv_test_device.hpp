// QEMU's hyperv-testdev: a port by which a guest raises SINTs, and makes the connections that its
// hypercalls go over.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <vector>

#include "vmm/machine/exit_table.hpp"
#include "vmm/pc/hyperv.hpp"

namespace nestbed::vmm {

class HypervTestDevice {
  public:
    static constexpr std::uint16_t port = 0x3000;

    /// `hyperv` must outlive it.
    HypervTestDevice(Hyperv& hyperv, std::uint32_t cpus) : hyperv_(hyperv), routes_(cpus) {}

    void register_in(ExitTable& exits);

  private:
    Answer control(const Access& access, std::uint32_t value);

    Hyperv& hyperv_;
    std::mutex mutex_;  // of what follows
    /// How often each SINT's route was created: only then may it be raised.
    std::vector<std::array<std::uint32_t, Hyperv::sints>> routes_;
};

}  // namespace nestbed::vmm
