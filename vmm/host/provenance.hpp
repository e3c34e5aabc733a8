// When, where and under which circumstances something was measured: what somebody asks who sees the
// numbers a year later. What could not be found out is missing, and never guessed.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace nestbed::vmm {

/// What a control group allows this process (cgroup v2, the innermost that says something).
struct CgroupLimits {
    std::optional<std::string> cpu_max;     ///< "max 100000": quota and period in µs
    std::optional<std::string> memory_max;  ///< bytes, or "max"
    std::optional<std::string> cpus;        ///< cpuset.cpus.effective
};

struct Provenance {
    std::string time;                           ///< of the beginning; ISO 8601, UTC
    std::optional<std::string> host_name;       ///< not with --anonymous
    std::optional<std::string> kernel_version;  ///< `uname -v`: how and when it was built
    std::optional<std::string> kernel_command_line;
    std::optional<std::string> microcode;
    std::optional<std::string> frequency_driver;
    std::optional<std::string> governor;
    std::optional<bool> turbo;
    std::optional<bool> smt;
    std::optional<std::uint64_t> numa_nodes;
    std::map<std::string, std::string> mitigations;  ///< by vulnerability; empty if not told
    CgroupLimits cgroup;
    std::vector<std::uint32_t> cores;  ///< those that this process may use, by Linux's numbers
};

/// Reads /proc and /sys. Never throws for what a host has not got.
Provenance find_provenance(bool anonymous);

/// What else the host does.
struct HostLoad {
    std::optional<double> runnable;      ///< the mean of the last minute (/proc/loadavg)
    std::optional<std::uint64_t> steal;  ///< all CPUs' time since boot in clock ticks
    std::optional<std::uint64_t> total;  ///< that and all other time
};

HostLoad find_load();

/// The share of time that the hypervisor below took from this host between two moments.
std::optional<double> stolen_between(const HostLoad& before, const HostLoad& after);

}  // namespace nestbed::vmm
