// The pointer chase of `measure_walk` as an ordinary process of the host runs it: the same code,
// chains, samples and number of threads, without a guest.
#pragma once

#include <cstdint>
#include <stop_token>

#include "shared/stats/histogram.hpp"
#include "vmm/study/walk_result.hpp"

namespace nestbed::vmm {

struct HostChase {
    stats::Histogram spread;  ///< cycles of the samples
    stats::Histogram packed;
};

/// Chases through the working set at `memory`, whose contents are lost. Its pages are the caller's
/// choice. There are fewer samples, one at least, if `stop` is requested.
HostChase run_host_chase(void* memory, const WalkCombination& combination,
                         const WalkSampling& sampling, const std::stop_token& stop);

}  // namespace nestbed::vmm
