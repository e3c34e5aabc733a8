#include "vmm/render/progress.hpp"

#include <fmt/format.h>

namespace nestbed::vmm {

namespace {

/// To the second, the minute or the hour: an estimate has no more digits.
std::string roughly(double seconds) {
    constexpr double minute = 60;
    constexpr double hour = 60 * minute;
    if (seconds < 2 * minute) {
        return fmt::format("{:.0f} s", seconds);
    }
    return seconds < 2 * hour ? fmt::format("{:.0f} min", seconds / minute)
                              : fmt::format("{:.0f} h", seconds / hour);
}

}  // namespace

std::string progress_text(std::size_t done, std::size_t total, double seconds,
                          std::string_view step) {
    std::string times = roughly(seconds);
    if (done != 0) {
        const double each = seconds / static_cast<double>(done);
        times += fmt::format(", about {} left", roughly(each * static_cast<double>(total - done)));
    }
    return fmt::format("[{}/{}] {}: {}", done + 1, total, times, step);
}

}  // namespace nestbed::vmm
