// The PC's real-time clock (MC146818) at ports 0x70 and 0x71: the host's time, and an alarm that is
// looked at when the guest sleeps. The rest of it is memory.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>

#include "vmm/machine/exit_table.hpp"

namespace nestbed::vmm {

class Clock {
  public:
    using Now = std::chrono::system_clock::time_point (*)();

    /// `now` is another time's in tests.
    explicit Clock(Now now = &std::chrono::system_clock::now) : now_(now) {}

    void register_in(ExitTable& exits);

    /// How long it is to the alarm; nothing if there is none, or none within a day.
    std::optional<std::chrono::milliseconds> until_alarm(
        std::chrono::system_clock::time_point now) const;

  private:
    Answer answer_index(const Access& access);
    Answer answer_data(const Access& access);
    std::uint8_t read(std::chrono::system_clock::time_point now) const;

    Now now_;
    mutable std::mutex mutex_;  ///< of both that follow
    std::uint8_t selected_ = 0;
    std::array<std::uint8_t, 128> registers_{};
};

}  // namespace nestbed::vmm
