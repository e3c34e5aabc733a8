// A limit of time for somebody else, who has had it only while this process could run: a wait in
// slices, of which none counts for much more than itself. While this process is stopped (SIGSTOP, a
// host that sleeps, a debugger), so is what it waits for.
#pragma once

#include <algorithm>
#include <chrono>

namespace nestbed::vmm {

class Patience {
  public:
    using Milliseconds = std::chrono::milliseconds;

    explicit Patience(Milliseconds limit) : left_(limit) {}

    bool is_over() const { return left_ <= std::chrono::nanoseconds::zero(); }

    /// To wait for now; begin_slice() before, and end_slice() after it.
    Milliseconds slice() const {
        constexpr Milliseconds longest(250);
        return std::clamp(std::chrono::ceil<Milliseconds>(left_ / 8), Milliseconds(1), longest);
    }
    void begin_slice() { begin_ = std::chrono::steady_clock::now(); }
    void end_slice() {
        // On a busy host a slice takes longer by itself.
        left_ -= std::min<std::chrono::nanoseconds>(std::chrono::steady_clock::now() - begin_,
                                                    2 * slice());
    }

  private:
    std::chrono::nanoseconds left_;
    std::chrono::steady_clock::time_point begin_;
};

}  // namespace nestbed::vmm
