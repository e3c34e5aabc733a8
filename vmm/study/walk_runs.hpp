// The built-in guest `measure_walk` and the settings that its test runs with.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "vmm/run/test_runner.hpp"
#include "vmm/study/walk_combination.hpp"

namespace nestbed::vmm {

inline constexpr char walk_guest[] = "measure_walk";
inline constexpr char walk_test[] = "chase";

/// The values that each axis is to take.
struct WalkAxes {
    std::vector<paging::PageSize> leaves{paging::PageSize::size_4k, paging::PageSize::size_2m,
                                         paging::PageSize::size_1g};
    std::vector<Backing> backings;
    std::vector<std::uint64_t> working_sets;
    std::vector<chase::Pattern> patterns{chase::Pattern::random};
    std::vector<std::uint64_t> cpus{1};
};

/// All of them; the working set, the last axis, changes fastest, so that a curve stands together.
std::vector<WalkCombination> combinations_of(const WalkAxes& axes);

/// What all combinations are measured with.
struct WalkSampling {
    std::uint64_t samples = 100;    ///< on each vCPU
    std::uint64_t accesses = 1000;  ///< of a sample
    std::uint64_t seed = 1;         ///< of the random cycles
    bool prefault = false;
    Placement placement = Placement::spread;
    std::chrono::milliseconds timeout{60'000};
};

/// Of `measure_walk.chase`.
TestSettings walk_settings(const WalkCombination& combination, const WalkSampling& sampling);

}  // namespace nestbed::vmm
