#pragma once

#include <cstdint>

namespace nestbed::stats {

/// Pseudo-random numbers: the same seed gives the same ones. Marsaglia's xorshift64 ("Xorshift
/// RNGs", Journal of Statistical Software 8(14), 2003). Always inlined, for a guest's user mode,
/// which cannot call into its kernel.
class Random {
  public:
    [[gnu::always_inline]] explicit constexpr Random(std::uint64_t seed)
        : state_(seed * 0x9E37'79B9'7F4A'7C15 | 1) {}

    [[gnu::always_inline]] constexpr std::uint64_t next() {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return state_;
    }

    /// Below `count`, which is not 0.
    [[gnu::always_inline]] constexpr std::uint64_t below(std::uint64_t count) {
        return (next() >> 16) % count;
    }

    [[gnu::always_inline]] constexpr bool one_in(std::uint64_t count) { return below(count) == 0; }

  private:
    std::uint64_t state_;
};

}  // namespace nestbed::stats
