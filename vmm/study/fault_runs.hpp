// The built-in guest `measure_fault` and the settings that its test runs with.
#pragma once

#include <chrono>
#include <cstdint>

#include "shared/fault/rung.hpp"
#include "vmm/memory/backing.hpp"
#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {

inline constexpr char fault_guest[] = "measure_fault";
inline constexpr char fault_test[] = "rung";

/// What all rungs are measured with.
struct FaultSampling {
    std::uint64_t samples = 256;  ///< at most fault::max_samples
    std::uint64_t cpus = 1;       ///< that store side by side
    Backing backing = Backing::anon;
    Placement placement = Placement::spread;
    std::chrono::milliseconds timeout{60'000};
};

/// Of `measure_fault.rung`.
TestSettings fault_settings(fault::Rung rung, const FaultSampling& sampling);

}  // namespace nestbed::vmm
