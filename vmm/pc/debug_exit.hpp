// The port by which a guest ends its run and says how it went (QEMU's isa-debug-exit at 0xF4).
#pragma once

#include <cstdint>
#include <optional>

#include "vmm/machine/exit_table.hpp"

namespace nestbed::vmm {

class DebugExit {
  public:
    void register_in(ExitTable& exits);

    /// What the guest wrote; nothing if it did not come to that. When no vCPU runs any more.
    std::optional<std::uint32_t> value() const { return value_; }

  private:
    std::optional<std::uint32_t> value_;
};

/// The status with which QEMU would have ended: 1 of a 0, and no other value can make it 0.
constexpr std::uint8_t exit_status_of(std::uint32_t value) {
    return static_cast<std::uint8_t>(value << 1 | 1);
}

}  // namespace nestbed::vmm
