// The built-in guest `measure_hypercall`, whose tests are the kinds of calls, and the settings that
// they run with.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "vmm/run/test_runner.hpp"

namespace nestbed::vmm {

inline constexpr char hypercall_guest[] = "measure_hypercall";

/// All kinds, in the order of the guest's file.
std::vector<std::string> hypercall_kinds();

/// What all kinds are measured with.
struct HypercallSampling {
    std::uint64_t samples = 500;
    BackingSettings backing{};
    Placement placement = Placement::spread;
    std::chrono::milliseconds timeout{30'000};
};

TestSettings hypercall_settings(const HypercallSampling& sampling);

/// Whether a kind is a hypercall proper: it is told by the parameter `hypercalls` if it may.
bool wants_hypercalls(const std::string& kind);

}  // namespace nestbed::vmm
