// What firmware, and guests that need none, ask a PC of QEMU's about itself: a number is selected
// at port 0x510, its bytes are read one by one at 0x511 (QEMU's docs/specs/fw_cfg).
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "vmm/loader/pc_settings.hpp"
#include "vmm/machine/exit_table.hpp"

namespace nestbed::vmm {

class FirmwareConfiguration {
  public:
    explicit FirmwareConfiguration(const PcSettings& settings);

    void register_in(ExitTable& exits);

  private:
    std::uint8_t next_byte();

    std::map<std::uint16_t, std::string> items_;
    std::mutex mutex_;  ///< of both that follow
    std::uint16_t selected_ = 0;
    std::size_t read_ = 0;
};

}  // namespace nestbed::vmm
