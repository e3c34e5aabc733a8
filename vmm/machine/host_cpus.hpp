// The host CPUs that this process may use, and which of them the threads of a VM's vCPUs run on.
#pragma once

#include <pthread.h>
#include <sched.h>

#include <cstdint>
#include <optional>
#include <span>
#include <thread>
#include <vector>

namespace nestbed::vmm {

/// By number, ascending; never empty.
inline std::vector<std::uint32_t> usable_host_cpus() {
    cpu_set_t set;
    // A host with more CPUs than a cpu_set_t holds does not say.
    const bool known = ::sched_getaffinity(0, sizeof set, &set) == 0;
    const std::uint32_t end = known ? CPU_SETSIZE : std::thread::hardware_concurrency();
    std::vector<std::uint32_t> result;
    for (std::uint32_t cpu = 0; cpu < end; ++cpu) {
        if (!known || CPU_ISSET(cpu, &set)) {
            result.push_back(cpu);
        }
    }
    return result.empty() ? std::vector<std::uint32_t>{0} : result;
}

/// The calling thread may run on any of these from now on, wherever it was before. Returns 0, or
/// why the host does not allow that (errno): then it stays where it is.
inline int spread_this_thread_over(std::span<const std::uint32_t> host_cpus) {
    cpu_set_t set;
    CPU_ZERO(&set);
    for (const std::uint32_t cpu : host_cpus) {
        CPU_SET(cpu, &set);
    }
    return ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
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
