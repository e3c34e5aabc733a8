// ACPI's fixed registers (ACPI Specification 6.5, 4.8.3): the power-management timer, and the sleep
// states S3 (suspend to RAM) and S5 (off).
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "vmm/machine/exit_table.hpp"
#include "vmm/memory/guest_memory.hpp"
#include "vmm/pc/clock.hpp"

namespace nestbed::vmm {

class PowerManagement {
  public:
    /// Both must outlive it.
    PowerManagement(const GuestMemory& memory, const Clock& clock, std::uint32_t cpus)
        : memory_(memory), clock_(clock), cpus_(cpus) {}

    void register_in(ExitTable& exits);

  private:
    Answer control(const Access& access);
    Answer suspend(const Access& access) const;

    const GuestMemory& memory_;
    const Clock& clock_;
    std::uint32_t cpus_;
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
    // Relaxed, both: registers that a guest reads back.
    std::atomic<std::uint16_t> enabled_{0};
    std::atomic<std::uint16_t> control_{0};
};

}  // namespace nestbed::vmm
