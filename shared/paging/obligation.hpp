#pragma once

#include <cstdint>
#include <utility>

#include "fatal.hpp"

namespace nestbed::paging {

/// What a token obliges its holder to.
enum class Duty : std::uint8_t { invalidate, reclaim };

/// An obligation that stops the program if it is dropped before it is discharged. It moves, and
/// only the last holder owes.
template <Duty To>
class Obligation {
  public:
    constexpr explicit Obligation(bool owed) : owed_(owed) {}
    constexpr Obligation(Obligation&& other) noexcept : owed_(std::exchange(other.owed_, false)) {}
    constexpr Obligation& operator=(Obligation&& other) noexcept {
        require_paid();
        owed_ = std::exchange(other.owed_, false);
        return *this;
    }
    constexpr ~Obligation() { require_paid(); }

    constexpr bool owed() const { return owed_; }
    constexpr void discharge() { owed_ = false; }

    /// Stops the program if nothing is owed: the token was moved from, or paid already, and what it
    /// owned is another's.
    constexpr void require_owed() const {
        if (!owed_) {
            nestbed_paging_fatal("paging: a token was used that was moved from or paid already");
        }
    }

    /// Owes what the other owed, too, which then owes nothing.
    constexpr void take_over(Obligation& other) {
        owed_ = owed_ || other.owed_;
        other.owed_ = false;
    }

  private:
    constexpr void require_paid() const {
        if (owed_) {
            nestbed_paging_fatal(
                To == Duty::invalidate
                    ? "paging: a stale translation was dropped before invalidation"
                    : "paging: what was detached was dropped before it was reclaimed");
        }
    }

    bool owed_;
};

}  // namespace nestbed::paging
