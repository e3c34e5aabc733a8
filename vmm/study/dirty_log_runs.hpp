// The built-in guest `measure_dirty_log` and the settings that its test runs with.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "vmm/run/test_runner.hpp"
#include "vmm/study/dirty_log_combination.hpp"

namespace nestbed::vmm {

inline constexpr char dirty_log_guest[] = "measure_dirty_log";
inline constexpr char dirty_log_test[] = "phases";

/// The values that each axis is to take.
struct DirtyLogAxes {
    std::vector<channel::DirtyLogKind> logs{channel::DirtyLogKind::bitmap,
                                            channel::DirtyLogKind::ring};
    std::vector<std::uint64_t> memory{8 << 20, 32 << 20};
    std::vector<std::uint64_t> cpus{1, 2};
    std::vector<chase::Pattern> patterns{chase::Pattern::strided};
};

/// All of them; the pattern, the last axis, changes fastest.
std::vector<DirtyLogCombination> combinations_of(const DirtyLogAxes& axes);

/// What all combinations are measured with.
struct DirtyLogSampling {
    std::uint64_t rounds = 5;            ///< of dirty, collect, clear: two at least
    std::uint64_t ring_entries = 65536;  ///< of each vCPU's ring, a power of two
    bool initially_set = false;          ///< bitmaps begin with all pages in them
    std::uint64_t writes = 100;          ///< pages of a hundred that are written and not read
    BackingSettings backing;
    Placement placement = Placement::spread;
    std::chrono::milliseconds timeout{60'000};
};

/// Of `measure_dirty_log.phases`.
TestSettings dirty_log_settings(const DirtyLogCombination& combination,
                                const DirtyLogSampling& sampling);

}  // namespace nestbed::vmm
