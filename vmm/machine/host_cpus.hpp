// The host CPUs that this process may use, and which of them the threads of a VM's vCPUs run on.
#pragma once

#include <sched.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace nestbed::vmm {

/// Those that the calling thread may run on, by number, ascending; nothing if the kernel does not
/// tell.
std::optional<std::vector<std::uint32_t>> allowed_host_cpus();

/// The same, or else all that there seem to be; never empty.
std::vector<std::uint32_t> usable_host_cpus();

/// The calling thread may run on any of these from now on, wherever it was before. Returns 0, or
/// why the host does not allow that (errno): then it stays where it is.
inline int spread_this_thread_over(std::span<const std::uint32_t> host_cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const std::uint32_t cpu : host_cpus) {
        CPU_SET(cpu, &set);
    }
    return ::sched_setaffinity(0, sizeof set, &set) == 0 ? 0 : errno;
}

enum class Placement {
    free,     ///< wherever the host's scheduler puts them
    spread,   ///< vCPU n on the n-th host CPU that this process may use, around and around
    one_cpu,  ///< all on the first of them, where at most one runs while the others wait
};

/// The host CPU for a vCPU out of `usable` ones; nothing if it is not to be pinned.
constexpr std::optional<std::uint32_t> host_cpu_of(Placement placement, std::uint32_t cpu,
                                                   std::span<const std::uint32_t> usable) {
    if (placement == Placement::free || usable.empty()) {
        return std::nullopt;
    }
    return usable[placement == Placement::spread ? cpu % usable.size() : 0];
}

}  // namespace nestbed::vmm
