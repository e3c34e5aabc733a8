// The PC's first serial line (a 16550 at port 0x3F8), of which only the way out is there: what the
// guest writes. It is always ready, and raises no interrupts.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

#include "vmm/machine/exit_table.hpp"

namespace nestbed::vmm {

class SerialPort {
  public:
    /// `sink` is called with each line, its end included, and with what there is of one that gets
    /// too long or is the last; on the thread of the vCPU that wrote it, never by two at once.
    using Sink = std::function<void(std::string_view)>;
    /// What it is called with has no more bytes.
    static constexpr std::size_t most_of_a_piece = 1024;

    explicit SerialPort(Sink sink) : sink_(std::move(sink)) {}

    void register_in(ExitTable& exits);

    /// Hands on what is still waiting for the end of its line. When no vCPU runs any more.
    void flush();

  private:
    static constexpr std::uint16_t registers = 8;

    bool is_divisor(std::uint16_t number) const;
    std::uint8_t read(std::uint16_t number) const;
    void write(std::uint16_t number, std::uint8_t value);
    void transmit(char character);

    Sink sink_;
    std::mutex mutex_;  ///< of all that follows: a guest may well write with two vCPUs at once
    std::array<std::uint8_t, registers> latched_{};
    std::array<std::uint8_t, 2> divisor_{};
    std::string line_;
};

}  // namespace nestbed::vmm
