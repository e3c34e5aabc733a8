// How far the time-stamp counters of two vCPUs are apart.
#pragma once

#include <cstdint>

namespace nestbed::guest {

/// CPU `n`'s counter shows `difference` more than CPU 0's, give or take `bound`.
struct TscOffset {
    std::int64_t difference = 0;
    std::uint64_t bound = 0;
};

/// Measures it on CPU 0 with the help of `cpu`, which must be idle: the two pass a cache line back
/// and forth in user mode; the fastest round trip is taken, within which the other counter was
/// read. Both ways of it may be as short as nothing, hence the bound of half a round trip.
TscOffset measure_tsc_offset(std::uint32_t cpu);

}  // namespace nestbed::guest
