// What else a host does while something is measured.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

namespace nestbed::vmm {

/// At one moment. What is not known is nothing.
struct HostLoad {
    std::optional<double> runnable;      ///< processes, the mean of the last minute (/proc/loadavg)
    std::optional<std::uint64_t> steal;  ///< all CPUs' time since boot, in clock ticks (/proc/stat)
    std::optional<std::uint64_t> total;  ///< that and all other time
};

HostLoad find_load(const std::filesystem::path& root = "/");

/// The share of time that the hypervisor below took from this host between two moments, of all its
/// CPUs together. Nothing if not even one tick is over.
std::optional<double> stolen_between(const HostLoad& before, const HostLoad& after);

}  // namespace nestbed::vmm
