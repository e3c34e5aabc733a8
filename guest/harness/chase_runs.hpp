// Pointer chases (shared/chase/chase.hpp) through the test memory, in user mode.
#pragma once

#include <cstdint>

#include "shared/chase/chase.hpp"
#include "shared/stats/histogram.hpp"

namespace nestbed::guest {

struct ChaseSettings {
    std::uint32_t cpus;   ///< that chase side by side, each from a place of its own
    std::uint64_t pages;  ///< 4 KiB each, from the start of the test memory on
    study::Pattern pattern;
    std::uint64_t seed;
    std::uint64_t samples;   ///< on each CPU
    std::uint64_t accesses;  ///< of a sample
};

/// Makes the chain and follows it all around once. Returns the loads that it took: as many as it
/// has nodes, or it is no chain of them.
std::uint64_t prepare_spread_chase(const ChaseSettings& settings);
std::uint64_t prepare_packed_chase(const ChaseSettings& settings);

/// Follows the chain that was prepared last, and records the cycles of each sample.
void run_chase(const ChaseSettings& settings, stats::Histogram& cycles);

/// So many samples on the calling CPU, from wherever the last one ended, that are not recorded;
/// with none, only the visit to user mode.
void chase_on(const ChaseSettings& settings, std::uint64_t samples);

}  // namespace nestbed::guest
