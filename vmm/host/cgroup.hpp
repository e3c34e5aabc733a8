// What a control group leaves to this process.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

namespace nestbed::vmm {

/// In the words of cgroup v2 (Documentation/admin-guide/cgroup-v2.rst). Of the groups from this
/// process's own upwards the tightest limit; nothing if none of those that it can see tells one, as
/// with cgroup v1.
struct CgroupLimits {
    std::optional<std::string> cpu_max;     ///< "150000 100000" (µs in each period), "max 100000"
    std::optional<std::string> memory_max;  ///< bytes, or "max"
    std::optional<std::string> cpus;        ///< "0-3,8"
};

CgroupLimits find_cgroup_limits(const std::filesystem::path& root);

/// Cores' worth of time of a `cpu_max`; nothing if it is no limit.
std::optional<double> cores_of(const std::string& cpu_max);

}  // namespace nestbed::vmm
