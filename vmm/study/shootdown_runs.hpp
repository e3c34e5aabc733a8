// The built-in guest `measure_shootdown` and the settings that its tests run with.
#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

#include "shared/paging/invalidation.hpp"
#include "shared/shootdown/flush_primitive.hpp"
#include "vmm/loader/guest.hpp"
#include "vmm/run/test_runner.hpp"
#include "vmm/study/shootdown_combination.hpp"

namespace nestbed::vmm {

inline constexpr char shootdown_guest[] = "measure_shootdown";

/// The values that each axis is to take.
struct ShootdownAxes {
    std::vector<shootdown::ProtocolId> protocols{shootdown::ProtocolId::global};
    std::vector<std::uint64_t> cpus{2};
    std::vector<std::uint64_t> pages{1, 16};
    std::vector<shootdown::TargetState> targets{
        shootdown::TargetState::user, shootdown::TargetState::spin, shootdown::TargetState::hlt};
    std::vector<shootdown::Routing> routings{shootdown::Routing::unicast};
    std::vector<shootdown::FlushPrimitive> flushes{shootdown::FlushPrimitive::invlpg};
    std::vector<std::uint64_t> initiators{1};
    std::vector<shootdown::InitiatorSpaces> spaces{shootdown::InitiatorSpaces::same};
};

/// All of them; the first axis changes slowest. One initiator has one space, so with it only the
/// first of `spaces` is taken.
std::vector<ShootdownCombination> combinations_of(const ShootdownAxes& axes);

/// What all combinations are measured with.
struct ShootdownSampling {
    std::uint64_t samples = 100;
    /// A request of more pages is a flush of everything, where a flush primitive takes pages.
    std::uint64_t threshold = paging::max_single_invalidations;
    bool phases = false;  ///< time what a shootdown is made of, too
    /// Of all targets but `descheduled`, whose vCPUs share a host CPU.
    Placement placement = Placement::spread;
    BackingSettings backing = {};
    std::chrono::milliseconds timeout{60'000};
};

/// Whether a combination would make hypercalls; it is told by the parameter `hypercalls` if it may.
bool wants_hypercalls(const ShootdownCombination& combination);

/// Of `measure_shootdown.latency`.
TestSettings latency_settings(const ShootdownCombination& combination,
                              const ShootdownSampling& sampling);

/// Of `measure_shootdown.soak`: whole seconds, and after them `sampling.timeout` for the end.
TestSettings soak_settings(const ShootdownCombination& combination,
                           const ShootdownSampling& sampling, std::chrono::seconds duration,
                           std::uint64_t seed);

/// Of `measure_shootdown.crossover`; `full_flush` does not take pages one by one.
TestSettings crossover_settings(shootdown::FlushPrimitive full_flush,
                                const ShootdownSampling& sampling);

}  // namespace nestbed::vmm
