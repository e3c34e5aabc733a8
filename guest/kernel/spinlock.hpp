// A lock for short critical sections.
#pragma once

#include <atomic>

#include "guest/kernel/instructions.hpp"

namespace nestbed::guest {

/// Must not be taken in an interrupt handler if it is also taken with interrupts on.
class Spinlock {
  public:
    void lock() {
        // Acquire: what the last holder wrote is visible. PAUSE also lets a hypervisor run the
        // holder, should it not be running.
        while (locked_.exchange(true, std::memory_order_acquire)) {
            pause();
        }
    }
    void unlock() { locked_.store(false, std::memory_order_release); }

  private:
    std::atomic<bool> locked_{false};
};

class SpinlockGuard {
  public:
    explicit SpinlockGuard(Spinlock& lock) : lock_(lock) { lock_.lock(); }
    ~SpinlockGuard() { lock_.unlock(); }
    SpinlockGuard(const SpinlockGuard&) = delete;
    SpinlockGuard& operator=(const SpinlockGuard&) = delete;

  private:
    Spinlock& lock_;
};

}  // namespace nestbed::guest
