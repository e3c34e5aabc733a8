#pragma once

#include <utility>

#include "fatal.hpp"

namespace nestbed::paging {

/// A debt that stops the program if it is dropped unpaid. It moves, and only the last holder owes.
class Debt {
  public:
    constexpr explicit Debt(bool owed) : owed_(owed) {}
    constexpr Debt(Debt&& other) noexcept : owed_(std::exchange(other.owed_, false)) {}
    constexpr Debt& operator=(Debt&& other) noexcept {
        require_paid();
        owed_ = std::exchange(other.owed_, false);
        return *this;
    }
    constexpr ~Debt() { require_paid(); }

    constexpr bool owed() const { return owed_; }
    constexpr void settle() { owed_ = false; }
    /// Owes what the other owed, too, which then owes nothing.
    constexpr void take_over(Debt& other) {
        owed_ = owed_ || other.owed_;
        other.owed_ = false;
    }

  private:
    constexpr void require_paid() const {
        if (owed_) {
            nestbed_paging_fatal("paging: a stale translation was dropped before invalidation");
        }
    }

    bool owed_;
};

}  // namespace nestbed::paging
