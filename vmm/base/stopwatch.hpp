// How long something has taken, for reports.
#pragma once

#include <chrono>

namespace nestbed::vmm {

/// Runs from its construction on, by the monotonic clock.
class Stopwatch {
  public:
    double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

  private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace nestbed::vmm
