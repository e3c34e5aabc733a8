// When, where and under which circumstances something was measured: what somebody asks who sees the
// numbers a year later. What could not be found out is nothing, and never guessed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "vmm/host/cgroup.hpp"
#include "vmm/host/cpu_settings.hpp"
#include "vmm/host/load.hpp"

namespace nestbed::vmm {

/// In which order the combinations of a study were measured.
struct MeasuringOrder {
    std::string name;
    std::optional<std::uint64_t> seed;  ///< of a random one
};

struct Provenance {
    std::string time;                     ///< of the beginning; ISO 8601, UTC
    std::optional<std::string> revision;  ///< of this program's sources
    bool anonymous = false;               ///< what can name the host is left out
    std::optional<std::string> host_name;
    std::optional<std::string> kernel_version;  ///< `uname -v`: how and when it was built
    std::optional<std::string> kernel_command_line;
    CpuSettings cpu;
    CgroupLimits cgroup;
    /// Those that vCPUs may run on, by Linux's numbers.
    std::optional<std::vector<std::uint32_t>> cores;
    std::optional<MeasuringOrder> order;  ///< only if a study is measured
    HostLoad before;
    HostLoad after;  ///< empty as long as the run goes on
};

/// Of now, as far as this host tells it. Never throws for what it does not tell.
Provenance find_provenance(bool anonymous, const std::filesystem::path& root = "/");

}  // namespace nestbed::vmm
